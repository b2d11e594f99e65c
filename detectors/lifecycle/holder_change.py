"""holder-change: a token used by somebody else than it was issued to."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np

from detectors.acts import used
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit
from detectors.findings import HIGH, LIKELY, MEDIUM, NO_CLASS, SURE, Array, place, report
from detectors.tokens import other_hands
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import AuthScheme, EntityRole, EntityType, EventType, Severity, Transport, code

OTHER_PLACE, OTHER_KEY, BARE = range(3)
"""Positions in `classes`."""
_TOKEN = EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET)
_OTHERS = (
    EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
    EntityField(EntityType.SESSION, "session_id", EntityRole.TARGET),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
_METRICS = (Metric("asn", Unit.ASN), Metric("country", Unit.COUNTRY))
_ADVICE = (
    "Ask the user over another channel whether this is theirs.",
    "Compare device, network and user agent with the sign-in that began the session.",
    "Revoke the session, and list what the token reached since.",
)


class HolderChange(Detector):
    """Finds tokens that are not where they were issued to.

    Claim:
        A copy of the token is in other hands.

    Why it matters:
        A bearer token works for whoever holds it. A use that shares neither network, country nor device with the issue
        is the first trace of a stolen cookie or header.

    Fires when:
        An accepted use shares neither ASN nor country with the token's issue, and device or UA family are known and
        different: medium. The key it proves to hold is not the one the token was bound to, as its issue or the use
        itself says, or a bound token is accepted as a bare bearer token: high.

    Stays quiet when:
        The issue was not seen; one of network and country is unknown or the same; device and UA family agree or are
        unknown; the client is another one (see client-mismatch); one side is a server of the client (`ip_role` server).
        A bound token comes with scheme Bearer over mutual TLS: there the certificate is the proof.

    Blind spots:
        A thief in the victim's country or network. A thief who copies the user agent where no device is logged. Tokens
        that were issued through a back channel: their user's network is not known. Uses that are logged under another
        client: services that pass tokens on and thieves look alike there.

    Formula:
        same(x): both known and equal; differ(x): both known and not equal. Fires when differ(ASN) and differ(country)
        and (differ(device) or differ(UA family)) and not differ(client); or differ(cnf); or cnf and scheme Bearer and
        no key presented and transport not mtls.

    Parameters:
        None.

    Example:
        >>> HolderChange().type
        'holder-change'

    Next steps:
        Treat it as theft until the user has recognised the second place. Bind tokens by DPoP or mutual TLS.

    References:
        RFC 9449 section 7.1 and RFC 8705 section 3 (proof of possession at the resource server). MITRE ATT&CK
        T1550.001, T1539.
    """

    type: ClassVar[str] = "holder-change"
    title: ClassVar[str] = "Token used by another holder"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("token_id",)
    needs: ClassVar[tuple[str, ...]] = ("token_id", "same_asn", "same_country", "same_device")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="other-holder",
            title="Token used from another place and device",
            summary="A token of {user} was used from {asn} ({country}) on a device it was not issued to.",
            severity=Severity.MEDIUM,
            entity=_TOKEN,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001", "T1539"),
            advice=_ADVICE,
            revoke="session",
        ),
        AlertClass(
            name="other-key",
            title="Bound token presented with another key",
            summary="A token of {user} was accepted from {asn} ({country}) with a key it is not bound to.",
            severity=Severity.HIGH,
            entity=_TOKEN,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=("Check that the resource server compares `cnf` with the proof.", *_ADVICE),
            revoke="token",
        ),
        AlertClass(
            name="bound-token-as-bearer",
            title="Bound token accepted without its key",
            summary="A token of {user} that is bound to a key was accepted as a bearer token from {asn} ({country}).",
            severity=Severity.HIGH,
            entity=_TOKEN,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=("Have the resource server refuse bound tokens without a proof.", *_ADVICE),
            revoke="token",
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=12)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc9449#section-7.1",
        "https://attack.mitre.org/techniques/T1550/001/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A client that hands its token to a helper elsewhere: an extension, a printer, a mail gateway",
        "A proxy that ends mutual TLS and logs neither certificate nor transport",
        "A user agent that changes its family with an update, on the way to another country",
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        said = _said(events)
        rows = np.flatnonzero(said != NO_CLASS)
        moved = said[rows] == OTHER_PLACE
        findings = report(
            events,
            rows,
            "token_id",
            severity=np.where(moved, MEDIUM, HIGH),
            confidence=np.where(moved, LIKELY, SURE),
            alert_class=said[rows],
            measured=place(events, rows),
        )
        findings["related"][:, 0] = events["issue_event"][rows]
        return Findings.of(self.type, findings)


def _said(events: Events) -> Array:
    """Give the class of each event, or `NO_CLASS`, (n,)."""
    use = used(events) & (events["token_id"] != 0)
    bound = (events["cnf"] != 0) | (events["issued_bound"] == 1)
    proved = (events["presented_cnf"] != 0) | (events["transport"] == code(Transport.MTLS))
    bare = bound & (events["auth_scheme"] == code(AuthScheme.BEARER)) & ~proved
    stated = (events["cnf"] != 0) & (events["presented_cnf"] != 0) & (events["cnf"] != events["presented_cnf"])
    moved = other_hands(events) & (events["same_country"] == 0) & (events["same_client"] != 0)
    cases = [use & ((events["same_cnf"] == 0) | stated), use & bare, use & moved]
    said: Array = np.select(cases, [OTHER_KEY, BARE, OTHER_PLACE], NO_CLASS)
    return said
