"""silent-source: an issuer that is heard every day at this hour is not heard, while others are."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from detectors.acts import accepted, minted
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.behaviour.speakers import (
    HOUR,
    SILENCE,
    clock_table,
    close_hours,
    count,
    hear,
    heard_table,
    speakers_table,
)
from detectors.findings import LIKELY, LOW, Array, blank
from detectors.tables import Table
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity

_METRICS: Final = (Metric("silence", Unit.SECONDS), Metric("missed", Unit.COUNT))
_ISSUER: Final = EntityField(EntityType.TENANT, "iss", EntityRole.VICTIM)
_ADVICE: Final = (
    "Look whether the log is still written and shipped: settings, credentials of the shipper, disk, quota.",
    "If it was switched off, ask who did it, and treat what happened meanwhile as unseen.",
)


class SilentSource(Detector):
    """Finds issuers whose log falls silent.

    Claim:
        The log of this issuer does not arrive any more, or nobody uses it where everybody did.

    Why it matters:
        What is not logged is not seen: every other detector is blind then. Attackers switch logs off before they act.

    Fires when:
        Nothing was heard of an issuer for `silence` of hours in which it usually speaks, and at least `least_missed`
        events were expected in them, while others were heard in each: low. What it gives out (issues, refreshes) and
        the uses of its tokens are two logs, and each may fall silent alone.

    Stays quiet when:
        Everybody is silent: then it is the way to us that is broken. The hour is not one of its hours: fewer than three
        such days were seen, on fewer than 70 % of late it spoke, or it rested at this hour a week ago. The silence was
        told already.

    Blind spots:
        A log that is thinned, not stopped. Silences shorter than `silence` of whole hours of UTC. Two logs that one
        collector ships under one issuer. Issuers that are never busy. A stream that has one log only.

    Formula:
        By hour of the day, workdays and weekends apart: mean and share of days with any event, each exponentially
        weighted by 1/4. missed = Σ mean over the silent hours that are usual.

    Parameters:
        `silence`: usual hours without any event. `least_missed`: events expected in them.

    Example:
        >>> SilentSource(least_missed=50).least_missed
        50

    Next steps:
        Check the shipper of the log first, then its settings at the issuer. A public holiday explains it, too.

    References:
        MITRE ATT&CK T1562.008 (disable or modify cloud logs).
    """

    type: ClassVar[str] = "silent-source"
    title: ClassVar[str] = "Log fell silent"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("issuer_key",)
    needs: ClassVar[tuple[str, ...]] = ("issuer_key",)
    warm_up: ClassVar[timedelta] = timedelta(days=5)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="issues-silent",
            title="An issuer gives out nothing any more",
            summary="{tenant} gave out no tokens in {silence} in which {missed} were expected.",
            severity=Severity.LOW,
            entity=_ISSUER,
            metrics=_METRICS,
            attack=("T1562.008",),
            advice=_ADVICE,
        ),
        AlertClass(
            name="uses-silent",
            title="Tokens of an issuer are not used any more",
            summary="No token of {tenant} was used in {silence} in which {missed} uses were expected.",
            severity=Severity.LOW,
            entity=_ISSUER,
            metrics=_METRICS,
            attack=("T1562.008",),
            advice=_ADVICE,
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = ("https://attack.mitre.org/techniques/T1562/008/",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "A public holiday",
        "An issuer of few people, whose evenings differ",
        "An issuer that was switched off on purpose",
    )

    silence: timedelta = Field(
        timedelta(hours=2), ge=timedelta(hours=1), le=timedelta(hours=24), description="Usual hours without any event."
    )
    least_missed: int = Field(20, ge=3, le=10_000, description="Events expected in them.")

    def new_state(self) -> State:
        """Give the empty state: habits of speakers, who was heard when, and the open hour."""
        return {"speakers": speakers_table(), "heard": heard_table(), "clock": clock_table()}

    def learn(self, events: Events, watermark: int, state: State) -> None:  # noqa: ARG002 - it has no timers
        """Learn who is heard."""
        _, _, times = _spoken(events)
        if len(times):
            hear(cast("Table", state["heard"]).view(1, int(times[0])), int(times[0]))

    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Count the events of one batch, and judge the hours that are over."""
        issuers, kinds, times = _spoken(events)
        told = [np.empty(0, SILENCE)]
        if len(times):
            told.append(self._closed(int(times[0]) // HOUR, state))
            speakers = cast("Table", state["speakers"])
            count(speakers.view(len(issuers), int(times[0])), issuers, kinds, times)
        if len(state["clock"]):
            told.append(self._closed(watermark // HOUR, state))
        return Findings.of(self.type, _findings(np.concatenate(told), micros(self.silence)))

    def _closed(self, until: int, state: State) -> Array:
        """Close the hours before `until`, and give the silences told in them."""
        speakers, heard, clock = (cast("Table", state[name]) for name in ("speakers", "heard", "clock"))
        out = np.zeros(len(speakers), SILENCE)
        views = (speakers.view(0, 0), heard.view(0, 0), clock.view(1, until * HOUR))
        return out[: close_hours(*views, until, micros(self.silence) // HOUR, self.least_missed, out)]


def _spoken(events: Events) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Give issuer, class and time of the events that show a log at work; what was refused may come from anybody."""
    rows = np.flatnonzero(accepted(events) & (events["issuer_key"] != 0))
    return events["issuer_key"][rows], (~minted(events)[rows]).astype(np.int8), events["order_time"][rows]


def _findings(told: Array, silence: int) -> Array:
    findings = blank(np.full(len(told), -1), told["time"])
    findings["entity"], findings["alert_class"] = told["issuer"], told["kind"]
    findings["severity"], findings["confidence"] = LOW, LIKELY
    findings["observed"][:, 0], findings["threshold"][:, 0] = told["hours"] * HOUR / 1e6, silence / 1e6
    findings["observed"][:, 1] = told["missed"]
    return findings
