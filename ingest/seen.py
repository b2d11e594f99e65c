"""Which events were seen before: 128-bit hashes of event ids by the minute of the event's time.

A redelivered record carries its old time. So only late rows can repeat something that already left the order buffer,
and only the minute of their own time has to be searched.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.frame import Events

MINUTE: Final = 60_000_000
_HASH: Final = np.dtype([("event_key", np.uint64), ("event_key2", np.uint64)])


class Seen:
    """Event ids that left the order buffer, up to a horizon behind the watermark.

    Durable as a log: `changes` gives what came since the last call, numbered; `oldest` says what may be dropped.
    """

    shape: Final = "seen-1"

    def __init__(self) -> None:
        self._minutes: defaultdict[int, list[_Run]] = defaultdict(list)
        self._next = 0
        self._saved = 0

    def __len__(self) -> int:
        """Hashes held."""
        return sum(len(run.hashes) for runs in self._minutes.values() for run in runs)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return len(self) * _HASH.itemsize

    @property
    def oldest(self) -> int:
        """Number of the oldest row that is still needed."""
        return min((runs[0].number for runs in self._minutes.values()), default=self._next)

    def contains(self, events: Events) -> npt.NDArray[np.bool_]:
        """Say of each row whether its id was seen in the minute of its `time`.

        Rows of the batch do not see each other.
        """
        found = np.zeros(len(events), np.bool_)
        minutes = events["time"] // MINUTE
        hashes = _hashes(events)
        for minute in np.unique(minutes).tolist():
            rows = minutes == minute
            for run in self._minutes.get(minute, ()):
                found[rows] |= np.isin(hashes[rows], run.hashes)
        return found

    def remember(self, events: Events, horizon: int) -> None:
        """Add the ids of a batch and forget all minutes that ended before `horizon` (µs)."""
        self._append(events["time"] // MINUTE, _hashes(events))
        for minute in [minute for minute in self._minutes if (minute + 1) * MINUTE <= horizon]:
            del self._minutes[minute]

    def _append(self, minutes: npt.NDArray[np.int64], hashes: npt.NDArray[Any]) -> None:
        starts = np.flatnonzero(np.diff(minutes, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(minutes)], strict=True):
            self._minutes[int(minutes[start])].append(_Run(self._next + int(start), hashes[start:end]))
        self._next += len(minutes)

    def changes(self) -> pa.Table:
        """Rows remembered since the last call: number, minute and the two halves of the hash."""
        fresh = [(run, minute) for minute, runs in self._minutes.items() for run in runs if run.number >= self._saved]
        self._saved = self._next
        return _numbered(sorted(fresh, key=lambda item: item[0].number))

    def restore(self, entries: pa.Table) -> None:
        """Fill an empty memory with stored rows in order of `number`; rows that were forgotten may be missing."""
        numbers = entries["number"].to_numpy()
        minutes = entries["minute"].to_numpy()
        hashes = np.empty(entries.num_rows, _HASH)
        for name in _HASH.names or ():
            hashes[name] = entries[name].to_numpy()
        for gapless in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) != 1) + 1):
            if len(gapless):
                self._next = int(numbers[gapless[0]])
                self._append(minutes[gapless], hashes[gapless])
        self._saved = self._next


class _Run(NamedTuple):
    number: int
    hashes: npt.NDArray[Any]


def _numbered(runs: list[tuple[_Run, int]]) -> pa.Table:
    sizes = [len(run.hashes) for run, _ in runs]
    hashes = np.concatenate([run.hashes for run, _ in runs]) if runs else np.empty(0, _HASH)
    numbers = [np.arange(run.number, run.number + len(run.hashes)) for run, _ in runs]
    return pa.table(
        {
            "number": np.concatenate(numbers) if runs else np.empty(0, np.int64),
            "minute": np.repeat(np.array([minute for _, minute in runs], np.int64), sizes),
            **{name: np.ascontiguousarray(hashes[name]) for name in _HASH.names or ()},
        }
    )


def _hashes(events: Events) -> npt.NDArray[Any]:
    hashes = np.empty(len(events), _HASH)
    for name in _HASH.names or ():
        hashes[name] = events[name]
    return hashes
