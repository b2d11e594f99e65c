"""Stored alerts as records for other programs: the formats of the sinks, uncut, and CSV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from alerts.formats import FORMATS
from alerts.record import Record, whole
from app.spreadsheet import csv_row
from app.stored_alerts import pages
from store.queries import AlertFilter, AlertRow, Queries

CSV: Final = "csv"
KINDS: Final = (*FORMATS, CSV)
_CONTRACT: Final = (
    *("alert_id", "incident_id", "revision", "episode", "time", "detected_at", "start", "end", "severity"),
    *("confidence", "risk", "detector", "class", "title", "summary", "tenant", "iss", "count"),
)
_HANDLING: Final = ("status", "verdict", "owner", "ticket")
HEADERS: Final = (*_CONTRACT, "entities", "event_ids", "techniques", "tactics", *_HANDLING, "url")


def export(queries: Queries, where: AlertFilter, kind: str, out: Path | None) -> int:
    """Write alerts, newest first, each by its latest revision, to a file or stdout; give their number.

    Args:
        kind: one of `KINDS`.

    Raises:
        OSError: the file cannot be written.
    """
    count = 0
    with ExitStack() as opened:
        place: BinaryIO = sys.stdout.buffer if out is None else opened.enter_context(out.open("wb"))
        if kind == CSV:
            place.write(csv_row(HEADERS).encode())
        for row, record in _alerts(queries, where):
            place.write(_csv(row, record) if kind == CSV else FORMATS[kind].encode(record) + b"\n")
            count += 1
        place.flush()
    return count


def _alerts(queries: Queries, where: AlertFilter) -> Iterator[tuple[AlertRow, Record]]:
    for page in pages(queries, where, after=None, limit=sys.maxsize):
        records = queries.records([row.alert_id for row in page.rows])
        for row in page.rows:
            yield row, whole(records[row.alert_id].body, records[row.alert_id].detected_at)


def _csv(row: AlertRow, record: Record) -> bytes:
    cells = record | {
        "entities": [f"{it['role']} {it['type']}:{it['id']}" for it in record["entities"]],
        "event_ids": record["evidence"]["event_ids"],
        "techniques": record["attack"]["techniques"],
        "tactics": record["attack"]["tactics"],
        **{name: getattr(row, name) for name in _HANDLING},
    }
    return csv_row(cells.get(name) for name in HEADERS).encode()
