"""Scores alerts against labels: pure functions, no files, no clock.

A scenario counts as found only by an alert of at least its `min_severity`, of an expected detector, that names one of
its entities by exact (type, id) in [start, end + grace]. The method and its limits are described in docs/quality.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np

from app.evaluation.exposure import EARLY, EventTotals, Exposure, Tally, count_events
from app.evaluation.report import Baseline, DetectorNoise, Dose, Noise, Report, Row
from app.evaluation.scoring import FalseAlert, Outcome, score
from app.evaluation.sightings import Record, Sighting, read_all
from ingest.simulator.labels import Label
from schemas.intervals import Delay, Rate, Share
from schemas.vocabulary import Severity

__all__ = ["EventTotals", "Exposure", "Judged", "Report", "Tally", "count_events", "evaluate", "judge", "summary"]

GRACE: Final = 15 * 60 * 1_000_000
SHUFFLES: Final = 20
ALL: Final = "all"
NAIVE_TARGET: Final = "failed-auth-burst"
MEDIUM_UP: Final = "medium+"


@dataclass(frozen=True, slots=True)
class Judged:
    """One stream, scored. `naive` and `shuffled` are what a baseline found, of how many; `naive_false` its price."""

    outcomes: Sequence[Outcome]
    false_alerts: Sequence[FalseAlert]
    events: EventTotals
    naive: tuple[int, int]
    naive_false: int
    shuffled: tuple[int, int]

    @property
    def whole(self) -> list[Outcome]:
        """The attacks that the end of the stream did not cut off."""
        return [outcome for outcome in self.outcomes if outcome.label.complete]


def evaluate(alerts: Iterable[Record], labels: Sequence[Label], events: EventTotals, grace: int = GRACE) -> Report:
    """Score alert records against labels.

    Args:
        alerts: records of the native alert contract; several revisions of one `alert_id` are one alert.
        labels: the attacks. Incomplete ones count neither as found nor as missed, and their alerts are not false.
        events: what the stream held.
        grace: µs after an attack's last event in which it may still be found.

    Raises:
        ValueError: an alert record lacks what scoring needs.
    """
    return summary([judge(alerts, labels, events, grace)])


def judge(alerts: Iterable[Record], labels: Sequence[Label], events: EventTotals, grace: int = GRACE) -> Judged:
    """Score one stream; arguments and errors as those of `evaluate`."""
    sightings = read_all(alerts)
    outcomes, false_alerts = score(sightings, labels, grace)
    naive, naive_false = _naive(labels, events, grace)
    return Judged(outcomes, false_alerts, events, naive, naive_false, _shuffled(sightings, labels, grace))


def summary(streams: Sequence[Judged]) -> Report:
    """Sum up streams that have nothing in common but the way they were made."""
    whole = [outcome for stream in streams for outcome in stream.whole]
    naive, shuffled = (
        Share.of(sum(hits for hits, _ in found), sum(cases for _, cases in found))
        for found in ([stream.naive for stream in streams], [stream.shuffled for stream in streams])
    )
    exposure = _total([exposure for stream in streams for exposure in (stream.events.early, stream.events.later)])
    false_naive = Rate.of(sum(stream.naive_false for stream in streams), exposure.events / 100_000)
    return Report(
        total=_row(ALL, ALL, ALL, whole),
        detectors=_rows(whole, lambda label: (_detector(label), ALL, ALL)),
        variants=_rows(whole, lambda label: (_detector(label), label.scenario, label.variant)),
        doses=_doses(whole),
        noise=_noise(streams),
        noise_by_detector=_noise_by_detector(streams, exposure),
        baselines=[
            Baseline("naive threshold on failed-auth attacks", naive, false_naive),
            Baseline("shuffled labels", shuffled, None),
        ],
        incomplete=sum(len(stream.outcomes) for stream in streams) - len(whole),
    )


def _detector(label: Label) -> str:
    return "|".join(label.expected)


def _rows(outcomes: Sequence[Outcome], group: Callable[[Label], tuple[str, str, str]]) -> list[Row]:
    groups: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[group(outcome.label)].append(outcome)
    return [_row(*name, members) for name, members in sorted(groups.items())]


def _row(detector: str, scenario: str, variant: str, outcomes: Sequence[Outcome]) -> Row:
    found = [outcome for outcome in outcomes if outcome.found]
    classed = [outcome for outcome in found if outcome.label.classes]
    return Row(
        detector=detector,
        scenario=scenario,
        variant=variant,
        recall=Share.of(len(found), len(outcomes)),
        named_right=Share.of(sum(outcome.named_right for outcome in classed), len(classed)),
        delay=Delay.of([outcome.delay for outcome in found if outcome.delay is not None]),
        alerts_per_attack=fmean(len(outcome.alerts) for outcome in found) if found else None,
        incidents_per_attack=fmean(len(outcome.incidents) for outcome in found) if found else None,
    )


def _doses(outcomes: Sequence[Outcome]) -> list[Dose]:
    groups: dict[tuple[str, float], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[_detector(outcome.label), outcome.label.intensity].append(outcome)
    return [Dose(*name, _recall(members)) for name, members in sorted(groups.items())]


def _recall(outcomes: Sequence[Outcome]) -> Share:
    return Share.of(sum(outcome.found for outcome in outcomes), len(outcomes))


def _total(exposures: Sequence[Exposure]) -> Exposure:
    return sum(exposures, Exposure(0, 0.0))


def _noise(streams: Sequence[Judged]) -> list[Noise]:
    early: list[FalseAlert] = []
    later: list[FalseAlert] = []
    for stream in streams:
        for alert in stream.false_alerts:
            (early if alert.time < stream.events.start + EARLY else later).append(alert)
    first, rest = ([stream.events.early for stream in streams], [stream.events.later for stream in streams])
    rows = []
    for period, alerts, exposures in (("first 48 h", early, first), ("after 48 h", later, rest)):
        exposure = _total(exposures)
        rows += [Noise(name, period, *_rates(count, exposure)) for name, count in _by_severity(alerts).items()]
    return rows


def _by_severity(alerts: Sequence[FalseAlert]) -> dict[str, int]:
    """Count by name of severity, and those of medium or above together."""
    counts = Counter(alert.severity for alert in alerts)
    severe = sum(count for severity, count in counts.items() if severity >= Severity.MEDIUM)
    return {**{severity.name.lower(): counts[severity] for severity in Severity}, MEDIUM_UP: severe}


def _rates(count: int, exposure: Exposure) -> tuple[Rate, Rate]:
    return Rate.of(count, exposure.events / 100_000), Rate.of(count, exposure.user_days / 1_000)


def _noise_by_detector(streams: Sequence[Judged], exposure: Exposure) -> list[DetectorNoise]:
    """Severities that occurred, and always `medium+`, of each detector that had something to find or was wrong."""
    alerts: dict[str, list[FalseAlert]] = {
        name: [] for stream in streams for outcome in stream.outcomes for name in outcome.label.expected
    }
    for stream in streams:
        for alert in stream.false_alerts:
            alerts.setdefault(alert.detector, []).append(alert)
    return [
        DetectorNoise(detector, severity, *_rates(count, exposure))
        for detector in sorted(alerts)
        for severity, count in _by_severity(alerts[detector]).items()
        if count or severity == MEDIUM_UP
    ]


def _naive(labels: Sequence[Label], events: EventTotals, grace: int) -> tuple[tuple[int, int], int]:
    """The naive threshold on the attacks that are its subject: found, of how many, and its false alerts."""
    outcomes, false_alerts = score(read_all(events.naive), labels, grace)
    subject = [outcome for outcome in outcomes if outcome.label.complete and NAIVE_TARGET in outcome.label.expected]
    return (sum(outcome.found for outcome in subject), len(subject)), len(false_alerts)


def _shuffled(sightings: Sequence[Sighting], labels: Sequence[Label], grace: int) -> tuple[int, int]:
    """The same alerts against labels whose times were dealt out anew: what chance finds.

    A dealt time that overlaps the true one (with grace) is no chance and is left out.
    """
    whole = [label for label in labels if label.complete]
    rounds = SHUFFLES if len(whole) > 1 else 0
    dealer = np.random.default_rng(0)
    hits = cases = 0
    for _ in range(rounds):
        order = dealer.permutation(len(whole))
        pairs = zip(order.tolist(), np.roll(order, 1).tolist(), strict=True)  # nobody keeps their own time
        moved = ((whole[label], _moved(whole[label], whole[other].start)) for label, other in pairs)
        dealt = [label for true, label in moved if abs(label.start - true.start) > true.end - true.start + grace]
        cases += len(dealt)
        hits += sum(outcome.found for outcome in score(sightings, dealt, grace)[0])
    return hits, cases


def _moved(label: Label, start: int) -> Label:
    return label.model_copy(update={"start": start, "end": start + label.end - label.start, "event_ids": []})
