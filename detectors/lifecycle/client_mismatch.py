"""client-mismatch: a refresh token redeemed by a client that it was not issued to."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, State
from detectors.findings import HIGH, LIKELY, LOW, MEDIUM, SURE, report
from detectors.texts import among
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Reason, Severity, code

_OTHERS = (
    EntityField(EntityType.CLIENT, "client_id", EntityRole.ATTACKER),
    EntityField(EntityType.USER, "principal", EntityRole.VICTIM),
    EntityField(EntityType.FAMILY, "family_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
_ADVICE = (
    "Find out who runs the redeeming client, and how it came by the token.",
    "List what the tokens it got were used for.",
)


class ClientMismatch(Detector):
    """Finds tokens of one client in the hands of another.

    Claim:
        The token was stolen from its client, or two clients share their tokens.

    Why it matters:
        A refresh token is bound to its client (RFC 6749 section 6). A server that does not check this lets any client
        spend whatever it can steal.

    Fires when:
        A refresh succeeds for another client than the one its token was issued to: high, but low on the device and in
        the network of the issue, where applications of one maker share what they store. The server refuses a token and
        says `client-mismatch`: medium.

    Stays quiet when:
        The issue of the token was not seen, the client is not logged, or the redeeming client is one of
        `trusted_clients` (a family of first-party clients, a token broker).

    Blind spots:
        Access tokens: resource servers log many things as `client_id`. Issuers that do not log the redeemed token. An
        application that robs another one on the same device raises a low alert only.

    Formula:
        client_id(redemption) ≠ client_id(issue).

    Parameters:
        `trusted_clients`: ids of clients that may redeem tokens of others.

    Example:
        >>> ClientMismatch(trusted_clients={"broker"}).trusted_clients
        frozenset({'broker'})

    Next steps:
        Revoke the family. Have the server bind refresh tokens to their client.

    References:
        RFC 6749 sections 6 and 10.4. RFC 9700 section 4.14.2. MITRE ATT&CK T1528, T1550.001.
    """

    type: ClassVar[str] = "client-mismatch"
    title: ClassVar[str] = "Token redeemed by another client"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.REFRESH, EventType.VERIFY_FAILURE})
    keys: ClassVar[tuple[str, ...]] = ("parent_id", "token_id")
    needs: ClassVar[tuple[str, ...]] = ("client_id", "parent_id", "same_client")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="redeemed-by-another-client",
            title="Refresh token redeemed by another client",
            summary="{client} redeemed a refresh token of {user} that was issued to another client.",
            severity=Severity.HIGH,
            entity=EntityField(EntityType.TOKEN, "parent_id", EntityRole.TARGET),
            others=_OTHERS,
            attack=("T1528", "T1550.001"),
            advice=_ADVICE,
            revoke="family",
        ),
        AlertClass(
            name="refused-for-its-client",
            title="Token refused: it belongs to another client",
            summary="{client} presented a token of {user} that belongs to another client, and was refused.",
            severity=Severity.MEDIUM,
            entity=EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET),
            others=_OTHERS,
            attack=("T1528",),
            advice=_ADVICE,
            revoke="token",
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=1)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc6749#section-6",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "First-party clients that share tokens",
        "A client that was registered anew under another id and kept its tokens",
    )

    trusted_clients: frozenset[str] = Field(
        frozenset(), description="Ids of clients that may redeem others' tokens.", examples=[frozenset({"app-acme-0"})]
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        taken = (events["type"] == code(EventType.REFRESH)) & (events["same_client"] == 0) & (events["parent_id"] != 0)
        refused = events["reason"] == code(Reason.CLIENT_MISMATCH)
        refused &= (events["type"] == code(EventType.VERIFY_FAILURE)) & (events["token_id"] != 0)
        rows = np.flatnonzero(taken | refused)
        rows = rows[~among(events, rows, "client_id", self.trusted_clients)]
        redeemed, tried = rows[taken[rows]], rows[refused[rows]]
        shared = ((events["same_device"] == 1) & (events["same_asn"] == 1))[redeemed]
        findings = np.concatenate(
            [
                report(
                    events,
                    redeemed,
                    "parent_id",
                    severity=np.where(shared, LOW, HIGH),
                    confidence=np.where(shared, LIKELY, SURE),
                ),
                report(events, tried, "token_id", severity=MEDIUM, confidence=LIKELY, alert_class=1),
            ]
        )
        findings["related"][:, 0] = events["issue_event"][findings["row"]]
        return Findings.of(self.type, findings)
