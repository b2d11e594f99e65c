"""The audit of incidents: how many, how fast they were found, taken and closed, and how often detectors were right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from schemas.fields import format_time
from schemas.intervals import Delay, precision
from schemas.triage import OPEN, Sla, Status, Verdict, is_overdue
from schemas.vocabulary import Severity

SHOWN_OPEN: Final = 100
"""Open alerts that are named, those that wait longest first; the counts are of all."""
SECONDS: Final = "s"
_SPANS: Final = {
    "detected after": ("start", "found_at"),
    "taken after": ("found_at", "acknowledged_at"),
    "resolved after": ("found_at", "resolved_at"),
}


class Figure(BaseModel):
    """One figure of a report: `measure` of `name`, e.g. median of "taken after". `unit`: s, or none.

    `before` is that of the former report; `change` says whether there was one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    section: str
    name: str
    measure: str
    value: float | int | None
    unit: str = ""
    before: float | int | None = None
    change: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.section, self.name, self.measure


class OpenAlert(BaseModel):
    """An alert that somebody still has to look at, or close. Times are RFC 3339."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert_id: str
    severity: str
    detector: str
    title: str
    status: str
    owner: str | None
    found: str
    overdue: bool


class IncidentAudit(BaseModel):
    """The report: on alerts found from `since` to before `until`, as they stood `at`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str
    since: str | None
    until: str | None
    figures: list[Figure]
    open: list[OpenAlert]


class _Tally:
    """What rows of alerts add up to."""

    def __init__(self, sla: Sla, now: int) -> None:
        self._sla, self._now = sla, now
        self.alerts: dict[str, Counter[str]] = {"severity": Counter(), "status": Counter(), "detector": Counter()}
        self.incidents: dict[str, int] = {}
        """Incident → its worst severity."""
        self.verdicts: dict[str, Counter[str]] = {}
        """Detector → its verdicts."""
        self.seconds: dict[str, list[float]] = {name: [] for name in _SPANS}
        self.open: list[OpenAlert] = []
        self.overdue: Counter[str] = Counter()
        self.unclosed = 0

    def add(self, row: Any) -> None:  # noqa: ANN401 - a row of the store
        """Count one alert."""
        severity = _word(row.severity)
        for section, name in (("severity", severity), ("status", row.status), ("detector", row.detector)):
            self.alerts[section][name] += 1
        self.incidents[row.incident_id] = max(row.severity, self.incidents.get(row.incident_id, 0))
        if row.verdict is not None:
            self.verdicts.setdefault(row.detector, Counter())[row.verdict] += 1
        for name, (begin, end) in _SPANS.items():
            if getattr(row, end) is not None:
                # Sources whose clocks run ahead put the start behind the finding.
                self.seconds[name].append(max(0, getattr(row, end) - getattr(row, begin)) / 1e6)
        if row.status in OPEN:
            self._wait(row, severity)

    def _wait(self, row: Any, severity: str) -> None:  # noqa: ANN401 - a row of the store
        self.unclosed += 1
        late = is_overdue(self._sla, row, self._now)
        self.overdue[severity] += late
        if late or len(self.open) < SHOWN_OPEN:
            self.open.append(_open(row, severity, overdue=late))
        if len(self.open) > 2 * SHOWN_OPEN:
            self.open = self.longest()

    def longest(self) -> list[OpenAlert]:
        """Give the open alerts that are named: overdue ones first."""
        return sorted(self.open, key=lambda alert: (not alert.overdue, alert.found))[:SHOWN_OPEN]


def audit(rows: Iterable[Any], sla: Sla, now: int, span: tuple[int | None, int | None]) -> IncidentAudit:
    """Report on rows of alerts, in the order they were found.

    Args:
        rows: those of `store.reports`.
        sla: in which time somebody must have taken an alert.
        now: the store's clock, µs.
        span: from when to when they were found, µs.
    """
    tally = _Tally(sla, now)
    for row in rows:
        tally.add(row)
    since, until = (None if at is None else format_time(at) for at in span)
    return IncidentAudit(
        at=format_time(now), since=since, until=until, figures=list(_figures(tally)), open=tally.longest()
    )


def compared(report: IncidentAudit, former: IncidentAudit) -> IncidentAudit:
    """Put the figures of a former report beside each one; what is gone from it counts as nothing now."""
    before = {figure.key: figure for figure in former.figures if figure.change != "gone"}
    figures = [_beside(figure, before.pop(figure.key, None)) for figure in report.figures]
    gone = [
        figure.model_copy(update={"value": None, "before": figure.value, "change": "gone"})
        for figure in before.values()
    ]
    return report.model_copy(update={"figures": [*figures, *gone]})


def _beside(figure: Figure, former: Figure | None) -> Figure:
    if former is None:
        return figure.model_copy(update={"change": "new"})
    change = "" if figure.value == former.value else "changed"
    return figure.model_copy(update={"before": former.value, "change": change})


def _figures(tally: _Tally) -> Iterator[Figure]:
    worst = Counter(map(_word, tally.incidents.values()))
    late = sum(tally.overdue.values())
    totals = {"incidents": len(tally.incidents), "alerts": sum(tally.alerts["status"].values())}
    for name, value in (totals | {"open": tally.unclosed, "overdue": late}).items():
        yield Figure(section="total", name="all", measure=name, value=value)
    for severity in map(_word, sorted(Severity, reverse=True)):
        counts = {"incidents": worst[severity], "alerts": tally.alerts["severity"][severity]}
        for name, value in (counts | {"overdue": tally.overdue[severity]}).items():
            yield Figure(section="severity", name=severity, measure=name, value=value)
    for status in Status:
        yield Figure(section="status", name=status, measure="alerts", value=tally.alerts["status"][status])
    for name, seconds in tally.seconds.items():
        yield from _delays(name, seconds)
    for name, count in sorted(tally.alerts["detector"].items()):
        yield Figure(section="detector", name=name, measure="alerts", value=count)
        yield from _precision(name, tally.verdicts.get(name, Counter()))


def _delays(name: str, seconds: list[float]) -> Iterator[Figure]:
    delay = Delay.of(seconds)
    yield Figure(section="time", name=name, measure="alerts", value=len(seconds))
    for measure, value in (("median", delay.median), ("p95", delay.p95)):
        rounded = None if value is None else round(value, 3)
        yield Figure(section="time", name=name, measure=measure, value=rounded, unit=SECONDS)


def _precision(detector: str, verdicts: Counter[str]) -> Iterator[Figure]:
    share = precision(verdicts)
    for verdict in Verdict:
        yield Figure(section="detector", name=detector, measure=verdict.replace("_", " "), value=verdicts[verdict])
    if share.cases:
        for measure, value in (("precision", share.value), ("at least", share.low), ("at most", share.high)):
            yield Figure(section="detector", name=detector, measure=measure, value=round(value, 4))


def _open(row: Any, severity: str, *, overdue: bool) -> OpenAlert:  # noqa: ANN401 - a row of the store
    return OpenAlert(
        alert_id=row.alert_id,
        severity=severity,
        detector=row.detector,
        title=row.title,
        status=row.status,
        owner=row.owner,
        found=format_time(row.found_at),
        overdue=overdue,
    )


def _word(severity: int) -> str:
    return Severity(severity).name.lower()
