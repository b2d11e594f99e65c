"""Scores alerts against labels: pure functions, no files, no clock.

A scenario counts as found only by an alert of at least its `min_severity`, of an expected detector, that names one of
its entities by exact (type, id) in [start, end + grace]. The method and its limits are described in docs/quality.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Final

import numpy as np

from app.evaluation.exposure import EARLY, EventTotals, Exposure, Tally, count_events
from app.evaluation.intervals import Delay, Rate, Share
from app.evaluation.report import Baseline, Dose, Noise, Report, Row
from app.evaluation.scoring import FalseAlert, Outcome, score
from app.evaluation.sightings import Record, Sighting, read_all
from ingest.simulator.labels import Label
from schemas.vocabulary import Severity

__all__ = ["EventTotals", "Exposure", "Report", "Tally", "count_events", "evaluate"]

GRACE: Final = 15 * 60 * 1_000_000
SHUFFLES: Final = 20
ALL: Final = "all"
NAIVE_TARGET: Final = "failed-auth-burst"


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
    sightings = read_all(alerts)
    outcomes, false_alerts = score(sightings, labels, grace)
    whole = [outcome for outcome in outcomes if outcome.label.complete]
    return Report(
        total=_row(ALL, ALL, ALL, whole),
        detectors=_rows(whole, lambda label: (_detector(label), ALL, ALL)),
        variants=_rows(whole, lambda label: (_detector(label), label.scenario, label.variant)),
        doses=_doses(whole),
        noise=_noise(false_alerts, events),
        false_by_detector=_false_by_detector(false_alerts),
        baselines=[_naive(labels, events, grace), _shuffled(sightings, labels, grace)],
        incomplete=len(outcomes) - len(whole),
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


def _noise(false_alerts: Sequence[FalseAlert], events: EventTotals) -> list[Noise]:
    split = events.start + EARLY
    early = [alert for alert in false_alerts if alert.time < split]
    later = [alert for alert in false_alerts if alert.time >= split]
    rows = []
    for period, alerts, exposure in (("first 48 h", early, events.early), ("after 48 h", later, events.later)):
        counts = Counter(alert.severity for alert in alerts)
        by_name = {severity.name.lower(): counts[severity] for severity in Severity}
        by_name["medium+"] = sum(count for severity, count in counts.items() if severity >= Severity.MEDIUM)
        rows += [_noise_row(name, period, count, exposure) for name, count in by_name.items()]
    return rows


def _noise_row(severity: str, period: str, count: int, exposure: Exposure) -> Noise:
    return Noise(
        severity,
        period,
        per_100k_events=Rate.of(count, exposure.events / 100_000),
        per_1000_users_a_day=Rate.of(count, exposure.user_days / 1_000),
    )


def _false_by_detector(false_alerts: Sequence[FalseAlert]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for alert in sorted(false_alerts, key=lambda alert: (alert.detector, alert.severity)):
        severities = table.setdefault(alert.detector, {})
        name = alert.severity.name.lower()
        severities[name] = severities.get(name, 0) + 1
    return table


def _naive(labels: Sequence[Label], events: EventTotals, grace: int) -> Baseline:
    """The naive threshold on the attacks that are its subject."""
    outcomes, false_alerts = score(read_all(events.naive), labels, grace)
    subject = [outcome for outcome in outcomes if outcome.label.complete and NAIVE_TARGET in outcome.label.expected]
    benign = (events.early.events + events.later.events) / 100_000
    return Baseline("naive threshold on failed-auth attacks", _recall(subject), Rate.of(len(false_alerts), benign))


def _shuffled(sightings: Sequence[Sighting], labels: Sequence[Label], grace: int) -> Baseline:
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
    return Baseline("shuffled labels", Share.of(hits, cases), None)


def _moved(label: Label, start: int) -> Label:
    return label.model_copy(update={"start": start, "end": start + label.end - label.start, "event_ids": []})
