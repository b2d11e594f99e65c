"""Counts of the fields that each source fills in, per hour of event time, as part of the checkpoint.

What a source leaves out, detectors cannot see: from these totals the dashboard says which of them are blind, and why.
Totals are absolute, as in `rollups`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow.compute as pc

from schemas.columns import COLUMNS, code_of
from schemas.coverage import Filled
from schemas.frame import Events
from schemas.vocabulary import EventType

HOUR: Final = 3_600_000_000
SOURCES_AN_HOUR: Final = 100
"""More sources than this in one hour are counted together, so that invented ones cannot fill the store."""
OTHER: Final = "(other)"
UNNAMED: Final = "(unnamed)"
NAME_LENGTH: Final = 200
_TYPES: Final = [kind.value for kind in EventType]

Key = tuple[int, str, str]
"""Hour, source, type."""


class Coverage:
    """Totals by hour, source and type.

    Args:
        columns: what to count, as detectors need it.
        horizon: µs after which no event of an hour can come any more.
    """

    def __init__(self, columns: Iterable[str], horizon: int) -> None:
        self._columns = sorted(set(columns))
        self._texts = [name for name in self._columns if "=" not in name and name not in COLUMNS]
        self._horizon = horizon
        self._totals: dict[Key, npt.NDArray[np.int64]] = {}
        self._changed: set[Key] = set()

    def count(self, events: Events) -> None:
        """Add a batch."""
        if not len(events):
            return
        names, sources = _sources(events)
        hours, hour = np.unique(events["time"] // HOUR, return_inverse=True)
        group = (hour * len(names) + sources) * len(_TYPES) + events["type"]
        order = np.argsort(group.astype(np.int32), kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        sizes = np.diff(starts, append=len(events))
        known = np.add.reduceat(self._known(events)[:, order], starts, axis=1, dtype=np.int64)
        for number, size, counts in zip(group[order[starts]].tolist(), sizes.tolist(), known.T, strict=True):
            rest, kind = divmod(number, len(_TYPES))
            at, name = divmod(rest, len(names))
            self._add((int(hours[at]) * HOUR, names[name], _TYPES[kind]), np.array([size, *counts]))

    def _known(self, events: Events) -> npt.NDArray[np.uint8]:
        """Tell in which events each column is known, or has the value that is asked for, 0 or 1, (columns, n)."""
        known = np.zeros((len(self._columns), len(events)), np.uint8)
        words = events.text.gather(None, self._texts)
        for row, name in zip(known, self._columns, strict=True):
            column, _, value = name.partition("=")
            if value:
                row[:] = events[column] == code_of(column, value)
            elif name in self._texts:
                row[:] = words[name].is_valid().to_numpy()
            elif name in events.columns:
                values, null = events[name], COLUMNS[name].null
                row[:] = ~np.isnan(values) if np.isnan(null) else values != null
        return known

    def _add(self, key: Key, counts: npt.NDArray[np.int64]) -> None:
        if key not in self._totals:
            hour, source, kind = key
            others = {name for at, name, _ in self._totals if at == hour} - {source, OTHER}
            key = (hour, OTHER, kind) if len(others) >= SOURCES_AN_HOUR else key
        self._totals[key] = self._totals.get(key, 0) + counts
        self._changed.add(key)

    def changes(self, watermark: int) -> list[Filled]:
        """Give the totals that changed since the last call; then forget the hours that are over.

        Call before `dump`, so that what is restored has forgotten the same.
        """
        changed = [self._filled(key) for key in sorted(self._changed)]
        self._changed.clear()
        over = watermark - self._horizon - HOUR
        self._totals = {key: counts for key, counts in self._totals.items() if key[0] >= over}
        return changed

    def _filled(self, key: Key) -> Filled:
        events, *counts = self._totals[key].tolist()
        return Filled(*key, events, {name: n for name, n in zip(self._columns, counts, strict=True) if n})

    def dump(self) -> bytes:
        """Write everything."""
        totals = [[*key, counts.tolist()] for key, counts in self._totals.items()]
        return orjson.dumps({"columns": self._columns, "totals": totals})

    def load(self, data: bytes) -> None:
        """Put back what `dump` wrote, unless other columns were counted then."""
        stored: dict[str, Any] = orjson.loads(data)
        if stored["columns"] == self._columns:
            self._totals = {(hour, source, kind): np.array(counts) for hour, source, kind, counts in stored["totals"]}


def _sources(events: Events) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Give the names of a batch's sources, and the position of each event's, (n,)."""
    text = events.text.gather(None, ["source", "iss"])
    named = pc.fill_null(pc.coalesce(text["source"], text["iss"]), UNNAMED).combine_chunks().dictionary_encode()
    names = [name[:NAME_LENGTH] for name in named.dictionary.to_pylist()]
    return names, named.indices.to_numpy().astype(np.int64)
