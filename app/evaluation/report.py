"""The quality report: rows, JSON, and a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from rich.console import Group
from rich.table import Table

from schemas.intervals import Delay, Rate, Share


@dataclass(frozen=True, slots=True)
class Row:
    """Attacks of one kind. `per_attack` figures are means over the attacks that were found; None if none was."""

    detector: str
    scenario: str
    variant: str
    recall: Share
    named_right: Share
    delay: Delay
    alerts_per_attack: float | None
    incidents_per_attack: float | None


@dataclass(frozen=True, slots=True)
class Dose:
    """Recall of one detector at one intensity, in thresholds of the design."""

    detector: str
    intensity: float
    recall: Share


@dataclass(frozen=True, slots=True)
class Noise:
    """False alerts of one severity (or `medium+`) in one period: `first 48 h` or `after 48 h`."""

    severity: str
    period: str
    per_100k_events: Rate
    per_1000_users_a_day: Rate


@dataclass(frozen=True, slots=True)
class DetectorNoise:
    """False alerts of one detector and severity (or `medium+`), over all of the time."""

    detector: str
    severity: str
    per_100k_events: Rate
    per_1000_users_a_day: Rate


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is reached without the detectors. `false_medium` is per 100 000 benign events; None without own alerts."""

    name: str
    recall: Share
    false_medium: Rate | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that evaluation found out."""

    total: Row
    detectors: Sequence[Row]
    variants: Sequence[Row]
    doses: Sequence[Dose]
    noise: Sequence[Noise]
    noise_by_detector: Sequence[DetectorNoise]
    baselines: Sequence[Baseline]
    incomplete: int

    def to_json(self) -> str:
        """One JSON object, stable in its order."""
        return orjson.dumps(self, option=orjson.OPT_INDENT_2).decode()

    def table(self) -> Group:
        """Tables for a Rich console."""
        return Group(
            self._recall_table(), self._dose_table(), self._noise_table(), self._false_table(), self._baseline_table()
        )

    def _recall_table(self) -> Table:
        table = _table("Attacks found (95 % Wilson interval), delays in s", "attack")
        for heading in ("found", "recall", "right", "median", "p95", "alerts", "inc."):
            table.add_column(heading, justify="right", no_wrap=True)
        table.columns[0].overflow = "fold"
        for total in self.detectors:
            table.add_row(total.detector, *_figures(total), style="bold")
            for row in self.variants:
                if row.detector == total.detector:
                    table.add_row(f"{row.scenario} {row.variant}", *_figures(row))
        table.add_row("all", *_figures(self.total), style="bold")
        return table

    def _dose_table(self) -> Table:
        table = _table("Dose and response", "detector", "dose", "found", "recall")
        for dose in self.doses:
            table.add_row(dose.detector, f"{dose.intensity:g} x", *_share(dose.recall))
        return table

    def _noise_table(self) -> Table:
        table = _table(
            "False alerts (95 % Poisson interval)",
            "severity",
            "period",
            "count",
            "per 100 000 events",
            "per 1 000 users a day",
        )
        for noise in self.noise:
            table.add_row(noise.severity, noise.period, *_rates(noise))
        return table

    def _false_table(self) -> Table:
        headings = ("count", "per 100 000 events", "per 1 000 users a day")
        table = _table("Who raised them", "detector", "severity", *headings)
        for noise in self.noise_by_detector:
            table.add_row(noise.detector, noise.severity, *_rates(noise))
        return table

    def _baseline_table(self) -> Table:
        table = _table("Baselines", "baseline", "found", "recall", "false per 100 000")
        for baseline in self.baselines:
            noise = _rate(baseline.false_medium) if baseline.false_medium else "-"
            table.add_row(baseline.name, *_share(baseline.recall), noise)
        return table


def _figures(row: Row) -> tuple[str, ...]:
    right = f"{row.named_right.value:.2f}" if row.named_right.cases else "-"
    means = (row.delay.median, row.delay.p95, row.alerts_per_attack, row.incidents_per_attack)
    return (*_share(row.recall), right, *(_number(mean) for mean in means))


def _share(share: Share) -> tuple[str, str]:
    return f"{share.hits}/{share.cases}", f"{share.value:.2f} ({share.low:.2f}-{share.high:.2f})"


def _table(title: str, *headings: str) -> Table:
    """Give an empty table that fits 80 columns."""
    return Table(*headings, title=f"\n{title}", title_justify="left", box=None, pad_edge=False, header_style="bold")


def _rates(noise: Noise | DetectorNoise) -> tuple[str, str, str]:
    return str(noise.per_100k_events.count), _rate(noise.per_100k_events), _rate(noise.per_1000_users_a_day)


def _rate(rate: Rate) -> str:
    if rate.value is None:
        return "-"
    return f"{rate.value:.3g} ({rate.low:.3g}-{rate.high:.3g})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
