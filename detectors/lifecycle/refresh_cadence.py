"""refresh-cadence: refreshes that come long before they are needed, or after a month of silence."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.findings import INFORMATIONAL, UNSURE, report
from detectors.recall import ASK, NOTE, notes_table, recall
from detectors.tables import Table
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity, TokenType, code

_FAMILY = EntityField(EntityType.FAMILY, "family_id", EntityRole.TARGET)
_OTHERS = (
    EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
)
_ADVICE = ("Compare device and network with those of the family's earlier refreshes.",)
_DAY = timedelta(days=1)


class RefreshCadence(Detector):
    """Finds refreshes whose time does not fit the life of the tokens.

    Claim:
        Somebody else may hold the refresh token: a copy is tried when it is found, not when a token is due.

    Why it matters:
        A thief does not know when the victim's client refreshes. Alone the time proves nothing: it is context for the
        other alerts of the family.

    Fires when:
        A family is refreshed in the first `early_share` of its access token's life, and at least `retry_span` after it
        was issued; or for the first time in `dormant_after`. Both informational.

    Stays quiet when:
        No access token with `exp` was issued to the family; the refresh follows the issue within `retry_span`: tabs and
        retries; the events have no `family_id`, or it was not seen before.

    Blind spots:
        Thieves who wait until a refresh is due. Families silent for over twice `dormant_after`, which are forgotten.

    Formula:
        Early: `retry_span` ≤ time - issue < `early_share` · (exp - issue) of the family's latest access token.
        Revived: time - latest issue or refresh of the family > `dormant_after`.

    Parameters:
        `early_share`: share of the life. `retry_span`: what comes sooner is a retry. `dormant_after`: silence that is
        told.

    Example:
        >>> RefreshCadence().dormant_after.days
        30

    Next steps:
        Look at the family's other alerts, and at device and network of this refresh.

    References:
        RFC 9700 section 4.14.2 (refresh tokens expire when they are not used for some time). MITRE ATT&CK T1528.
    """

    type: ClassVar[str] = "refresh-cadence"
    title: ClassVar[str] = "Refresh at an odd time"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH})
    keys: ClassVar[tuple[str, ...]] = ("family_id",)
    needs: ClassVar[tuple[str, ...]] = ("family_id",)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="early-refresh",
            title="Refreshed long before it was due",
            summary="{client} refreshed tokens of {user} {age} after they were issued; they live for {life}.",
            severity=Severity.INFORMATIONAL,
            entity=_FAMILY,
            others=_OTHERS,
            metrics=(Metric("age", Unit.SECONDS), Metric("life", Unit.SECONDS)),
            attack=("T1528",),
            advice=_ADVICE,
        ),
        AlertClass(
            name="revived-family",
            title="Refreshed after a long silence",
            summary="{client} refreshed tokens of {user} after {silence} of silence.",
            severity=Severity.INFORMATIONAL,
            entity=_FAMILY,
            others=_OTHERS,
            metrics=(Metric("silence", Unit.SECONDS),),
            attack=("T1528",),
            advice=_ADVICE,
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=24)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "An application that refreshes whenever it starts",
        "A device that comes back from the drawer",
    )

    early_share: float = Field(0.1, ge=0.01, le=0.9, description="Share of the life that is far too early.")
    retry_span: timedelta = Field(
        timedelta(minutes=1), ge=timedelta(0), le=timedelta(hours=1), description="What comes sooner is a retry."
    )
    dormant_after: timedelta = Field(
        timedelta(days=30), ge=_DAY, le=timedelta(days=180), description="Silence after which a family is revived."
    )

    def new_state(self) -> State:
        """Give the empty state: when each family was active last, and its latest access token."""
        return {
            "families": notes_table(1, 2 * micros(self.dormant_after)),
            "tokens": notes_table(2, micros(_DAY)),
        }

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check one batch."""
        refresh, issue = (events["type"] == code(kind) for kind in (EventType.REFRESH, EventType.ISSUE))
        rows = np.flatnonzero((refresh | issue) & (events["family_id"] != 0))
        asked = refresh[rows]
        silence = self._silence(events, rows, cast("Table", state["families"]))
        age, life = _latest_token(events, rows, asked, cast("Table", state["tokens"]))
        early = asked & (age >= micros(self.retry_span)) & (age < self.early_share * life)
        revived = asked & (silence > micros(self.dormant_after))
        ages, bound = age[early] / 1e6, self.early_share * life[early] / 1e6
        said = {"severity": INFORMATIONAL, "confidence": UNSURE}
        found = [
            report(events, rows[early], "family_id", **said, measured=[(ages, bound), (life[early] / 1e6, np.nan)]),
            report(
                events,
                rows[revived],
                "family_id",
                **said,
                alert_class=1,
                measured=[(silence[revived] / 1e6, self.dormant_after.total_seconds())],
            ),
        ]
        return Findings.of(self.type, np.concatenate(found))

    def _silence(self, events: Events, rows: npt.NDArray[np.int64], families: Table) -> npt.NDArray[np.int64]:
        """Give how long each row's family was silent before it, µs; 0 where it is new."""
        times, keys = events["order_time"][rows], events["family_id"][rows]
        modes = np.full(len(rows), NOTE, np.int8)
        at, _ = recall(families, keys, times, np.zeros((len(rows), 1), np.uint64), modes)
        return np.where(at == NULL_TIME, 0, times - np.where(at == NULL_TIME, times, at))


def _latest_token(
    events: Events, rows: npt.NDArray[np.int64], asked: npt.NDArray[np.bool_], tokens: Table
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give age and life of the family's latest access token before each row, µs; -1 where none is known."""
    time, exp = events["time"][rows], events["exp"][rows]
    teaches = ~asked & (events["token_type"][rows] == code(TokenType.ACCESS)) & (exp != NULL_TIME)
    known = asked | teaches
    words = np.stack([time, exp], axis=1).astype(np.uint64)[known]
    modes = np.where(teaches, NOTE, ASK).astype(np.int8)[known]
    keys, times = events["family_id"][rows][known], events["order_time"][rows][known]
    at, found = recall(tokens, keys, times, words, modes)
    issued, end = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64)
    age, life = np.full(len(rows), -1, np.int64), np.full(len(rows), -1, np.int64)
    age[known] = np.where(at == NULL_TIME, -1, time[known] - issued)
    life[known] = np.where(at == NULL_TIME, -1, end - issued)
    return age, life
