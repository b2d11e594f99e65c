"""header-injection: tokens whose header brings the key that they are to be verified with."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, State
from detectors.findings import HIGH, LIKELY, MEDIUM, SURE, report
from detectors.policy.servers import CLIENT, OTHERS, presented, valid
from detectors.texts import among
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import AuthScheme, EntityRole, EntityType, EventType, HeaderParam, Severity, code

_IP = EntityField(EntityType.IP, "ip", EntityRole.ATTACKER)
_JWK: Final = 1 << code(HeaderParam.JWK)
_OWN_KEY: Final = _JWK | 1 << code(HeaderParam.JKU) | 1 << code(HeaderParam.X5U)
_CHAIN: Final = 1 << code(HeaderParam.X5C)


class HeaderInjection(Detector):
    """Finds tokens that name or bring their own key.

    Claim:
        The token was signed with a key of the attacker's, and the header asks the verifier to use it.

    Why it matters:
        A verifier that follows `jku` or `x5u`, or takes `jwk` or `x5c` without a trust anchor, accepts whatever anybody
        signs; and fetching the URL lets an attacker reach servers behind it.

    Fires when:
        A token with `jku`, `x5u` or `jwk` in its header is accepted: high; with `x5c` alone: medium. Refused: medium.

    Stays quiet when:
        The client or the resource server is allowed. `jwk` comes with the scheme DPoP: there the header of the proof
        has to carry it. The event is an issue: what the issuer itself puts in is no injection.

    Blind spots:
        `jwk` in the token itself where the scheme is DPoP: logs do not tell whose header it was. Verifiers that do not
        log headers. Accepted tokens without a client, refused ones without an address. Key ids
        that are paths or queries (`kid` injection).

    Formula:
        header_params ∩ {jku, x5u, jwk, x5c} ≠ ∅.

    Parameters:
        `allowed_clients`, `allowed_resource_servers`: those whose tokens carry such a header by agreement.

    Example:
        >>> HeaderInjection(allowed_clients={"wallet"}).allowed_clients
        frozenset({'wallet'})

    Next steps:
        Check whether the verifier used that key. If it did, all that this client's tokens reached is in doubt.

    References:
        RFC 8725 sections 2.9 and 3.10. RFC 7515 sections 4.1.2, 4.1.3, 4.1.5 and 4.1.6. RFC 9449 section 4.2 (`jwk` of
        proofs). MITRE ATT&CK T1606.
    """

    type: ClassVar[str] = "header-injection"
    title: ClassVar[str] = "Token brings its own key"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE, EventType.VERIFY_FAILURE})
    keys: ClassVar[tuple[str, ...]] = ("client_id", "ip")
    needs: ClassVar[tuple[str, ...]] = ("header_params", "client_id", "ip")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="own-key-accepted",
            title="Token that brings its own key accepted",
            summary="A token of {client} was accepted whose header brings the key to verify it with.",
            severity=Severity.HIGH,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1606",),
            advice=(
                "Check which key the verifier used; have it take keys from its own configuration only.",
                "If the header is agreed on, name the client or the server in the allow-list.",
            ),
        ),
        AlertClass(
            name="own-key-refused",
            title="Token that brings its own key tried",
            summary="{ip} tried a token whose header brings the key to verify it with.",
            severity=Severity.MEDIUM,
            entity=_IP,
            others=(CLIENT, *OTHERS[:2]),
            attack=("T1606",),
            advice=("See whether the server fetched the URL, and whether another server took such a token.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc8725#section-3.10",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "Issuers whose tokens carry `jku` or `x5c` by design, verified against a list of trusted URLs or roots",
    )

    allowed_clients: frozenset[str] = Field(
        frozenset(), description="Ids of clients whose tokens may bring keys.", examples=[frozenset({"app-acme-0"})]
    )
    allowed_resource_servers: frozenset[str] = Field(
        frozenset(), description="Names of resource servers that check such keys.", examples=[frozenset({"api-0"})]
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        brought = events["header_params"] & (_OWN_KEY | _CHAIN)
        if not brought.any():
            return Findings.empty(self.type)
        proof = events["auth_scheme"] == code(AuthScheme.DPOP)
        brought = np.where(proof, brought & ~np.uint8(_JWK), brought)
        good = valid(events)
        entity = np.where(good, events["client_id"], events["ip"])
        rows = np.flatnonzero((brought != 0) & presented(events) & (entity != 0))
        rows = rows[~among(events, rows, "client_id", self.allowed_clients)]
        rows = rows[~among(events, rows, "resource_server", self.allowed_resource_servers)]
        worst = good[rows] & ((brought[rows] & _OWN_KEY) != 0)
        findings = report(
            events,
            rows,
            entity[rows],
            severity=np.where(worst, HIGH, MEDIUM),
            confidence=np.where(good[rows], LIKELY, SURE),
            alert_class=~good[rows],
        )
        return Findings.of(self.type, findings)
