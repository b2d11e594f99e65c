"""Alerts as a table for people: each on a line where the terminal is wide, else on a few."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.table import Table
from rich.text import Text

from app.output import plain
from schemas.alerts import Alert

WIDE: Final = 120
SHORT_ID: Final = 8
"""Characters of an alert id in tables; `alerts show` and `--after` take any beginning that only one alert has."""
STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow"}


class AlertLine(NamedTuple):
    """What a table says of one alert. `start`: µs."""

    alert_id: str
    severity: str
    start: int
    alert_class: str
    entity: str
    summary: str

    @classmethod
    def of(cls, alert: Alert, start: int) -> AlertLine:
        """Read a whole alert."""
        entity = alert.entities[0]
        about = f"{entity.type} {entity.id}"
        return cls(alert.alert_id, alert.severity, start, alert.alert_class, about, alert.summary)


def alert_table(lines: Iterable[AlertLine], width: int) -> Table:
    """Lay alerts out for a terminal of `width` columns, in their order."""
    wide = width >= WIDE
    table = new_table("severity", "start (UTC)", "id", *(("class", "entity", "summary") if wide else ("alert",)))
    for line in lines:
        what = [plain(line.alert_class), plain(line.entity), plain(line.summary)]
        alert = [Text(part, overflow="fold") for part in what]
        if not wide:
            alert = [Text.assemble((f"{what[0]}: {what[1]}", "bold"), "\n", what[2], overflow="fold")]
        table.add_row(
            severity_text(line.severity), clock_text(line.start, seconds=wide), plain(line.alert_id[:SHORT_ID]), *alert
        )
    return table


def new_table(*headers: str) -> Table:
    """Give an empty table; only its last column gives way when the terminal is narrow."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers[:-2]:
        table.add_column(header, no_wrap=True)
    for header in headers[-2:]:
        table.add_column(header, overflow="fold")
    return table


def severity_text(severity: str) -> Text:
    """A severity in its colour."""
    return Text(plain(severity), STYLES.get(severity, ""))


def clock_text(micros: int, *, seconds: bool = True) -> str:
    """A time in UTC, to the second or the minute."""
    return f"{datetime.fromtimestamp(micros // 1_000_000, UTC):%Y-%m-%d %H:%M{':%S' if seconds else ''}}"
