"""`recall`: what was noted of a key by earlier events, for detectors that compare an event with one before it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, renew, upsert
from schemas.columns import NULL_TIME

ASK, RENEW, NOTE, NOTE_FIRST, ADD, RAISE = range(6)
"""What an event does with its key's note.

It looks at it; keeps it from being forgotten; writes over it; writes only where there is none, and else keeps it; adds
its bits; or keeps the higher of each word.
"""

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


def notes_table(words: int, ttl: int) -> Table:
    """Give an empty table of notes: key → when it was noted, µs, and so many 64-bit words.

    Args:
        words: length of a note.
        ttl: µs after which a note that was not renewed is forgotten.
    """
    return Table([("at", np.int64), ("words", np.uint64, (words,))], ttl=ttl)


def paired(one: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Give one key for each pair of keys, (n,); null where one of them is."""
    mixed = np.maximum(one ^ other * _SPREAD, np.uint64(1))
    return np.where((one != 0) & (other != 0), mixed, np.uint64(0))


def recall(
    notes: Table,
    keys: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int64],
    words: npt.NDArray[np.uint64],
    modes: npt.NDArray[np.int8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Go through events in their order: give what was noted of each one's key before it, then note what it says.

    Args:
        notes: from `notes_table(k, …)`.
        keys: (n,); null keys know and note nothing.
        times: `order_time` of each, µs, not decreasing, (n,).
        words: what each would note, (n, k).
        modes: `ASK`, `RENEW`, `NOTE`, … for each, int8 (n,).

    Returns:
        When the note was begun, or written over, µs (`NULL_TIME`: there was none), (n,), and its words, (n, k).
    """
    at = np.full(len(keys), NULL_TIME, np.int64)
    found = np.zeros_like(words)
    if len(keys):
        _recall(notes.view(len(keys), int(times[0])), keys, times, words, modes, at, found)
    return at, found


def known_since(notes: Table, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give since when each key is known, µs, `NULL_TIME` where this is the first time, (n,); and note it.

    Args:
        notes: from `notes_table(1, …)`.
        keys, times: as in `recall`.
    """
    at, _ = recall(notes, keys, times, np.zeros((len(keys), 1), np.uint64), np.full(len(keys), NOTE_FIRST, np.int8))
    return at


@kernel
def _recall(
    notes: TableView,
    keys: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int64],
    words: npt.NDArray[np.uint64],
    modes: npt.NDArray[np.int8],
    at: npt.NDArray[np.int64],
    found: npt.NDArray[np.uint64],
) -> None:
    for i in range(keys.size):
        if keys[i] == 0:
            continue
        slot = lookup(notes, keys[i], times[i])
        if slot != NO_SLOT:
            at[i] = notes.rows[slot].at
            found[i] = notes.rows[slot].words
            if modes[i] != ASK:
                renew(notes, slot, times[i])
        if modes[i] == NOTE or (modes[i] > NOTE and slot == NO_SLOT):
            row: Any = notes.rows[upsert(notes, keys[i], times[i])]
            row.at = times[i]
            for word in range(words.shape[1]):
                row.words[word] = words[i, word]
        elif modes[i] > NOTE_FIRST:
            _merge(notes, slot, words[i], modes[i] == ADD)


@inner
def _merge(notes: TableView, slot: int, words: npt.NDArray[np.uint64], add: bool) -> None:  # noqa: FBT001 - compiled
    noted = notes.rows[slot].words
    for word in range(words.size):
        merged = noted[word] | words[word] if add else max(noted[word], words[word])
        if merged != noted[word]:
            noted[word] = merged
            notes.dirty[slot] = True
