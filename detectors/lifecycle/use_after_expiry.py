"""use-after-expiry: a token that works although its time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.acts import used
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.findings import HIGH, INFORMATIONAL, LIKELY, LOW, MEDIUM, SURE, UNSURE, report
from detectors.tokens import expiries, other_hands, same_hands
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Reason, Severity, code

_TOKEN = EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET)
_OTHERS = (
    EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
_METRICS = (Metric("overdue", Unit.SECONDS),)
_LEEWAY: Final = micros(timedelta(minutes=5))


class UseAfterExpiry(Detector):
    """Finds tokens that are accepted after their `exp`.

    Claim:
        A resource server does not look at `exp`, or trusts a clock that is wrong; or somebody tries an old token.

    Why it matters:
        A short life is what limits the harm of a stolen access token. Where `exp` is not checked a copy works for ever.

    Fires when:
        A token is used with success more than `skew` after its `exp`, as the event or else its issue says: medium; low
        by the hands it was issued to within five minutes, a usual leeway; high if device and network are not those it
        was issued to. Refused for that reason, and presented from another network and another device or UA family than
        its issue: informational.

    Stays quiet when:
        No `exp` is known. An expired token is refused and nothing says that other hands presented it: that is how
        clients learn that they must refresh.

    Blind spots:
        Tokens without `exp` (see long-lived-token) whose issue was not seen. Expired refresh tokens that are redeemed.
        Resource servers that log no uses.

    Formula:
        overdue = time - exp, s; fires when overdue > skew.

    Parameters:
        `skew`: how far the clocks of issuer and resource server may differ.

    Example:
        >>> UseAfterExpiry().skew
        datetime.timedelta(seconds=60)

    Next steps:
        Ask the owner of the resource server why it accepts the token: clock, cache or missing check. If other hands
        used it, revoke the session and list what they reached.

    References:
        RFC 7519 section 4.1.4 (`exp`). RFC 9068 section 4 (validating access tokens). MITRE ATT&CK T1550.001.
    """

    type: ClassVar[str] = "use-after-expiry"
    title: ClassVar[str] = "Token used after its expiry"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE, EventType.VERIFY_FAILURE})
    keys: ClassVar[tuple[str, ...]] = ("token_id",)
    needs: ClassVar[tuple[str, ...]] = ("token_id", "issued_exp")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="expired-token-accepted",
            title="Expired token accepted",
            summary="A token of {user} was accepted {overdue} after its expiry.",
            severity=Severity.MEDIUM,
            entity=_TOKEN,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=(
                "Check that the resource server verifies `exp`, and its clock.",
                "Compare device and network of the use with those of the issue.",
            ),
            revoke="token",
        ),
        AlertClass(
            name="expired-token-tried",
            title="Other hands tried an expired token",
            summary="A token of {user} was tried {overdue} after its expiry, not by whom it was issued to.",
            severity=Severity.INFORMATIONAL,
            entity=_TOKEN,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=("Find where the copy of the token came from: logs, malware, a shared link.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4",
        "https://attack.mitre.org/techniques/T1550/001/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A source that logs uses late with the time of logging",
        "A resource server with an agreed grace period: set `skew`",
    )

    skew: timedelta = Field(
        timedelta(seconds=60), ge=timedelta(0), le=timedelta(hours=24), description="Tolerated after `exp`."
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        hands = other_hands(events)
        refused = (events["type"] == code(EventType.VERIFY_FAILURE)) & (events["reason"] == code(Reason.EXPIRED))
        exp = expiries(events)
        due = (exp != NULL_TIME) & (exp < events["time"] - micros(self.skew)) & (events["token_id"] != 0)
        rows = np.flatnonzero(due & (used(events) | (refused & hands)))
        other, tried, overdue = hands[rows], refused[rows], events["time"][rows] - exp[rows]
        own = same_hands(events, rows) & (overdue <= _LEEWAY)
        findings = report(
            events,
            rows,
            "token_id",
            severity=np.select([tried, other, own], [INFORMATIONAL, HIGH, LOW], MEDIUM),
            confidence=np.where(tried, UNSURE, np.where(other, SURE, LIKELY)),
            alert_class=tried.astype(np.int16),
            measured=[(overdue / 1e6, self.skew.total_seconds())],
        )
        findings["related"][:, 0] = events["issue_event"][rows]
        return Findings.of(self.type, findings)
