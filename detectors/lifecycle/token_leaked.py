"""token-leaked: a token in plain text in the events themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np

from detectors.acts import accepted
from detectors.base import AlertClass, Detector, EntityField, State
from detectors.findings import CRITICAL, HIGH, LIKELY, LOW, NO_CLASS, SURE, UNSURE, Array, report
from detectors.tokens import expiries, long_lived, token_types
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Reason, Severity, code

_TOKEN = EntityField(EntityType.TOKEN, "token_id", EntityRole.VICTIM)
_CLIENT = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_ISSUER = EntityField(EntityType.TENANT, "iss", EntityRole.TARGET)
_USER = EntityField(EntityType.USER, "principal", EntityRole.VICTIM)
_COLUMNS = ("token_id", "client_id", "issuer_key")
"""What an alert is about: the first that the event names; in the order of `classes`."""
_USELESS = [code(reason) for reason in (Reason.EXPIRED, Reason.REVOKED, Reason.INACTIVE)]
_ADVICE = (
    "Find the component that writes tokens to its log, and everyone who can read that log.",
    "`tokentrail tokens hash` gives the hash of a token, to search for it.",
)


class TokenLeaked(Detector):
    """Finds raw tokens in the strings of events.

    Claim:
        Some component writes tokens to its log as they are.

    Why it matters:
        Logs are copied, kept for years and read by many. Whoever reads a bearer token there can use it.

    Fires when:
        A string of an event held a JWT, a JWE or a secret with a known prefix (it was replaced by its hash before
        anything else saw it): high; critical if the event is about a refresh token or an API key. Low where the token
        is of no more use: it has expired, was refused for that or as revoked, or is being revoked.

    Stays quiet when:
        The record held no such string, or nobody could be named: neither token, client nor issuer.

    Blind spots:
        Opaque tokens without a known prefix look like any other id. Type and expiry are those of the token that the
        event is about; the one that leaked may be another. Records that became dead letters.

    Formula:
        exp = the event's, or else the issue's; of no more use when exp ≤ time.

    Parameters:
        None.

    Example:
        >>> TokenLeaked().type
        'token-leaked'

    Next steps:
        Revoke the token. Have the component log `jti` or a keyed hash instead, and erase what it has written.

    References:
        RFC 6749 sections 10.3 and 10.4 (tokens are kept confidential in transit and storage). RFC 6750 section 5.3.
        MITRE ATT&CK T1528.
    """

    type: ClassVar[str] = "token-leaked"
    title: ClassVar[str] = "Token leaked into a log"
    kinds: ClassVar[frozenset[EventType]] = frozenset(EventType)
    keys: ClassVar[tuple[str, ...]] = _COLUMNS
    traced: ClassVar[bool] = True
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="token-in-event",
            title="Token in plain text",
            summary="An event about {token} held a token in plain text.",
            severity=Severity.HIGH,
            entity=_TOKEN,
            others=(_USER, _CLIENT),
            attack=("T1528",),
            advice=("Revoke the token.", *_ADVICE),
            revoke="token",
        ),
        AlertClass(
            name="token-in-event-of-client",
            title="Unnamed token of a client in plain text",
            summary="An event of {client} held a token in plain text.",
            severity=Severity.HIGH,
            entity=_CLIENT,
            others=(_USER,),
            attack=("T1528",),
            advice=_ADVICE,
        ),
        AlertClass(
            name="token-in-event-of-issuer",
            title="Unnamed token of nobody known in plain text",
            summary="An event of {tenant} held a token in plain text.",
            severity=Severity.HIGH,
            entity=_ISSUER,
            others=(_USER,),
            attack=("T1528",),
            advice=_ADVICE,
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc6749#section-10.3",
        "https://www.rfc-editor.org/rfc/rfc6750#section-5.3",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "Somebody who sends made-up tokens as a name or user agent: such events are refused, and confidence is low",
        "An ID token as a hint in a logged request, where the event is about another token",
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        if not events["leaked"].any():
            return Findings.empty(self.type)
        named = np.stack([events[name] != 0 for name in _COLUMNS])
        about = np.where(named.any(axis=0), named.argmax(axis=0), NO_CLASS)
        rows = np.flatnonzero(events["leaked"] & (about != NO_CLASS))
        said = about[rows]
        failed = events["type"][rows] == code(EventType.VERIFY_FAILURE)
        findings = report(
            events,
            rows,
            np.choose(said, [events[name][rows] for name in _COLUMNS]),
            severity=_severities(events)[rows],
            confidence=np.where(failed, UNSURE, np.where(accepted(events)[rows], SURE, LIKELY)),
            alert_class=said,
        )
        findings["related"][:, 0] = events["issue_event"][rows]
        return Findings.of(self.type, findings)


def _severities(events: Events) -> Array:
    """Give how bad it is that each event's token is known to others, (n,)."""
    exp = expiries(events)
    useless = (exp != NULL_TIME) & (exp <= events["time"])
    useless |= np.isin(events["reason"], _USELESS) | (events["type"] == code(EventType.REVOKE))
    found: Array = np.select([useless, long_lived(token_types(events))], [LOW, CRITICAL], HIGH)
    return found
