"""Evidence: the events that carry an alert, and the memory of failed attempts that later turn out to be its start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alerts.entities import Row
from alerts.summary import safe
from schemas.alerts import Evidence, EvidenceRow
from schemas.columns import NULL_KEY, TEXT_FIELDS
from schemas.frame import Events, Text
from schemas.vocabulary import EventType, code

FIRST: Final = 3
LAST: Final = 3
REMEMBERED: Final = 4_096
COLUMNS: Final = (
    "event_id",
    "time",
    "type",
    "ip",
    "asn",
    "country",
    "user_agent",
    "device_id",
    "outcome",
    "reason",
    "vendor_event_id",
)
_FAILURE: Final = code(EventType.VERIFY_FAILURE)
_TEXTS: Final = tuple(name for name in COLUMNS if name in TEXT_FIELDS)
_CODED: Final = ("event_key", *(name for name in COLUMNS if name not in TEXT_FIELDS))
_MOST_TABLES: Final = 64
_SHOWN: Final = {"user_agent": "ua", "device_id": "device"}

Item = tuple[str, dict[str, Any]]
"""Event id, and the fields of its `EvidenceRow`."""


def item_of(row: Row) -> Item:
    """Read the shown part of an event; of a failure, the reason is its outcome."""
    shown = {
        _SHOWN.get(name, name): row[name] for name in COLUMNS if name in row and name not in ("event_id", "reason")
    }
    if "reason" in row:
        shown["outcome"] = row["reason"]
    texts = {name: safe(value, 200) for name, value in shown.items() if isinstance(value, str)}
    return str(row["event_id"]), shown | texts


def evidence_of(first: Iterable[Item], last: Iterable[Item], events: int) -> Evidence:
    """Show the first and last events of an episode, each once; `events`: how many there were in all."""
    items = dict([*first, *last])
    rows = [EvidenceRow.model_validate(row) for row in items.values()]
    return Evidence(event_ids=list(items), rows=rows, truncated=events > len(items))


class Attempts:
    """The last `REMEMBERED` failed verifications, for findings that name earlier events.

    How far back one can look depends on the events alone, not on how they were cut into batches.
    """

    def __init__(self) -> None:
        self._recent = Events.empty()
        self._rows = np.empty(0, np.int64)

    def note(self, events: Events) -> None:
        """Take in the failures of a batch. What lies more than `REMEMBERED` before it is forgotten."""
        self._rows = np.flatnonzero(events["type"] == _FAILURE)
        if len(self._rows):
            kept = self._recent.take(slice(max(0, len(self._recent) - REMEMBERED), None))
            recent = Events.concat([kept, _compact(events.take(self._rows))])
            self._recent = _compact(recent) if len(recent.text.tables) > _MOST_TABLES else recent

    def items(self, keys: npt.NDArray[np.uint64], row: int) -> list[Item]:
        """Give those of some events (by `event_key`) that are among the last failures up to a row of the batch."""
        named = keys[keys != NULL_KEY]
        if not len(named):
            return []
        end = len(self._recent) - len(self._rows) + int(np.searchsorted(self._rows, row, "right"))
        start = max(0, end - REMEMBERED)
        found = start + np.flatnonzero(np.isin(self._recent["event_key"][start:end], named))
        return [item_of(line) for line in self._recent.rows(found, COLUMNS)] if len(found) else []

    def dump(self) -> bytes:
        """Write the memory."""
        kept = self._recent.take(slice(max(0, len(self._recent) - REMEMBERED), None))
        sink = pa.BufferOutputStream()
        table = kept.to_arrow().select([*(f"#{name}" for name in _CODED), *_TEXTS]) if len(kept) else pa.table({})
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    def load(self, data: bytes) -> None:
        """Undo `dump`, before a batch."""
        table = pa.ipc.open_stream(data).read_all()
        self._recent = Events.from_arrow(table) if table.num_columns else Events.empty()
        self._rows = np.empty(0, np.int64)


def _compact(events: Events) -> Events:
    # Text refers to whole batches; a copy of its own lets them go.
    columns = {name: events[name] for name in _CODED}
    return Events(len(events), columns, Text.of(events.text.gather(columns=_TEXTS)))
