"""Lookup of words in fixed vocabularies: an open-addressing table over their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.kernels.cells import LIST, NONE, STRING, Bytes, Positions
from ingest.kernels.compiled import byte_at, kernel


class WordTable(NamedTuple):
    """Words as one byte string with offsets, and slots (-1 free) with a power-of-two size."""

    slots: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int32]
    data: Bytes

    @classmethod
    def of(cls, words: Sequence[str]) -> WordTable:
        """Build the table; a word's number is its position."""
        encoded = [word.encode() for word in words]
        slots = np.full(1 << (4 * len(words)).bit_length(), -1, np.int16)
        data = np.frombuffer(b"".join(encoded) or b"\0", np.uint8)
        offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
        for number in range(len(words)):
            at = int(spread(data, offsets[number], offsets[number + 1])) & (len(slots) - 1)
            while slots[at] >= 0:
                at = (at + 1) & (len(slots) - 1)
            slots[at] = number
        return cls(slots, offsets, data)


@kernel
def spread(data: Bytes, start: int, end: int) -> int:
    """Mix the bytes of a word into a table position. Words are ours, so no secret is needed."""
    mixed = 0
    for at in range(start, end):
        mixed = (mixed * 31 + data[at]) & 0xFFFFFFFF
    return mixed


@kernel
def same_bytes(one: Bytes, at: int, other: Bytes, start: int, end: int) -> bool:
    """Compare `one[at:…]` with `other[start:end]`."""
    for i in range(end - start):
        if one[at + i] != other[start + i]:
            return False
    return True


@kernel
def find_word(data: Bytes, start: int, end: int, mixed: int, table: WordTable) -> int:
    """Number of the word `data[start:end]` whose `spread` is `mixed`, or -1."""
    mask = len(table.slots) - 1
    at = mixed & mask
    while table.slots[at] >= 0:
        number = table.slots[at]
        first, last = table.offsets[number], table.offsets[number + 1]
        if last - first == end - start and same_bytes(data, start, table.data, first, last):
            return int(number)
        at = (at + 1) & mask
    return -1


@kernel
def match_words(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    words: WordTable,
    out: npt.NDArray[np.int8],
    strange: Positions,
    reject: Bytes,
) -> int:
    """Read words as their numbers; fill `strange` with the rows of unknown ones, and count them."""
    count = 0
    for row in range(len(kind)):
        out[row] = -1
        if kind[row] == STRING:
            start, end = begin[row], begin[row] + size[row]
            number = find_word(data, start, end, spread(data, start, end), words)
            out[row] = number
            if number < 0:
                strange[count] = row
                count += 1
        elif kind[row] != NONE:
            reject[row] = 1
    return count


@kernel
def word_flags(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    words: WordTable,
    max_items: int,
    out: Bytes,
    reject: Bytes,
) -> None:
    """Read a word or a list of words as a bit mask."""
    for row in range(len(kind)):
        at = begin[row]
        if kind[row] == STRING:
            number = find_word(data, at, at + size[row], spread(data, at, at + size[row]), words)
            reject[row] |= number < 0
            out[row] = 1 << max(number, 0)
        elif kind[row] == LIST:
            reject[row] |= size[row] > max_items
            for _ in range(size[row]):
                start = at + 2
                at = start + data[at] + (byte_at(data, at + 1) << 8)
                number = find_word(data, start, at, spread(data, start, at), words)
                reject[row] |= number < 0
                out[row] |= 1 << max(number, 0)
        elif kind[row] != NONE:
            reject[row] = 1
