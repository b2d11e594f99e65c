"""An audit of incidents on paper: text for a terminal, Markdown, CSV, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from app.alert_table import new_table
from app.incident_audit import SECONDS, Figure, IncidentAudit, OpenAlert
from app.output import plain
from app.paper import Forms, Paper, csv_table, markdown_table

HEADERS: Final = ("section", "name", "figures")
OPEN_HEADERS: Final = ("waits since", "severity", "status", "owner", "detector", "alert")


def as_text(report: IncidentAudit) -> Group:
    """Give tables for a terminal."""
    figures = _table(HEADERS, _lines(report))
    if not report.open:
        return Group(Text(_span(report)), "", figures)
    return Group(Text(_span(report)), "", figures, "", _table(OPEN_HEADERS, map(_open, report.open)))


def as_markdown(report: IncidentAudit) -> str:
    """Give Markdown tables under a heading."""
    parts = ["# Incidents", _span(report), markdown_table(HEADERS, _lines(report))]
    if report.open:
        parts += ["## Open", markdown_table(OPEN_HEADERS, map(_open, report.open))]
    return "\n\n".join(parts)


def as_csv(report: IncidentAudit) -> str:
    """Give CSV: a figure a line, a field of `Figure` a column. Open alerts are not in it."""
    return csv_table(Figure.model_fields, (figure.model_dump().values() for figure in report.figures))


def as_json(report: IncidentAudit) -> str:
    """Give one JSON object."""
    return report.model_dump_json(indent=2)


def _table(headers: Sequence[str], rows: Iterator[Sequence[str]]) -> Table:
    table = new_table(*headers)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table


def _span(report: IncidentAudit) -> str:
    return f"Alerts found {report.since or 'at any time'} to {report.until or 'now'}, as they stood at {report.at}"


def _lines(report: IncidentAudit) -> Iterator[tuple[str, str, str]]:
    """Give section, name and figures of each line."""
    for (section, name), figures in groupby(report.figures, key=lambda figure: (figure.section, figure.name)):
        yield section, name, "; ".join(map(_figure, figures))


def _figure(figure: Figure) -> str:
    words = f"{figure.measure} {_value(figure.value, figure.unit)}"
    match figure.change:
        case "changed" | "gone":
            return f"{words} (was {_value(figure.before, figure.unit)})"
        case "new":
            return f"{words} (new)"
    return words


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return str(timedelta(seconds=round(value))) if unit == SECONDS else f"{value:g}"


def _open(alert: OpenAlert) -> tuple[str, ...]:
    status = f"{alert.status}, overdue" if alert.overdue else alert.status
    return alert.found, alert.severity, status, alert.owner or "", alert.detector, f"{alert.alert_id}: {alert.title}"


FORMS: Final[Forms[IncidentAudit]] = {
    Paper.TEXT: as_text,
    Paper.MARKDOWN: as_markdown,
    Paper.CSV: as_csv,
    Paper.JSON: as_json,
}
