"""Text cells to the offsets and bytes of an Arrow string column."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.kernels.cells import NONE, STRING, Bytes, Positions
from ingest.kernels.compiled import byte_at, kernel
from ingest.kernels.words import WordTable
from schemas.fields import PLACEHOLDERS

Flags: TypeAlias = npt.NDArray[np.bool_]

_LONGEST_PLACEHOLDER: Final = 4 * max(map(len, PLACEHOLDERS))
_DOUBTFUL: Final = -1


@kernel
def blank_placeholders(
    data: Bytes, kind: Bytes, begin: Positions, size: Positions, words: WordTable, initials: Flags, doubtful: Positions
) -> int:
    """Make nulls of placeholders; fill `doubtful` with the rows that Unicode decides, and count them.

    `initials` tells for each byte whether a placeholder starts with it, in either case.
    """
    count = 0
    for row in range(len(kind)):
        if kind[row] != STRING:
            continue
        verdict = _placeholder(data, begin[row], begin[row] + size[row], words, initials)
        if verdict == 1:
            kind[row] = NONE
        elif verdict == _DOUBTFUL:
            doubtful[count] = row
            count += 1
    return count


@kernel
def _placeholder(data: Bytes, start: int, end: int, words: WordTable, initials: Flags) -> int:
    """Whether text is a placeholder: 1 yes, 0 no, `_DOUBTFUL` where Unicode or blanks at the edges have a say."""
    if start == end:
        return 1
    if not (0x20 < data[start] < 0x7F and 0x20 < data[end - 1] < 0x7F):
        return _DOUBTFUL
    if end - start > _LONGEST_PLACEHOLDER or not initials[data[start]]:
        return 0
    for at in range(start, end):
        if data[at] >= 0x80:
            return _DOUBTFUL
    for word in range(len(words.offsets) - 1):
        first, last = words.offsets[word], words.offsets[word + 1]
        if last - first == end - start and _same_lower(data, start, words.data, first, last):
            return 1
    return 0


@kernel
def _lower(byte: int) -> int:
    return int(np.int64(byte) + 0x20 if 0x41 <= byte <= 0x5A else np.int64(byte))


@kernel
def _same_lower(data: Bytes, at: int, words: Bytes, first: int, last: int) -> bool:
    for i in range(last - first):
        if _lower(data[at + i]) != words[first + i]:
            return False
    return True


@kernel
def measure_text(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    max_bytes: int,
    max_chars: int,
    required: bool,
    offsets: Positions,
    reject: Bytes,
) -> int:
    """Fill the offsets of the text column to come, and count its nulls."""
    nulls, total = 0, 0
    for row in range(len(kind)):
        offsets[row] = total
        length = size[row] if kind[row] == STRING else 0
        if kind[row] != STRING:
            nulls += 1
            reject[row] |= required or kind[row] != NONE
        elif (max_bytes > 0 and length > max_bytes) or (required and length == 0):
            reject[row] = 1
        elif length > max_chars:
            reject[row] |= characters(data, begin[row], begin[row] + length) > max_chars
        total += length
    offsets[len(kind)] = total
    return nulls


@kernel
def characters(data: Bytes, start: int, end: int) -> int:
    """Count the code points of UTF-8 text."""
    count = 0
    for at in range(start, end):
        count += (data[at] & 0xC0) != 0x80
    return count


@kernel
def copy_text(data: Bytes, begin: Positions, offsets: Positions, out: Bytes) -> None:
    """Copy the texts behind each other."""
    for row in range(len(begin)):
        first = begin[row]
        for at in range(offsets[row], offsets[row + 1]):
            out[at] = data[first]
            first += 1


@kernel
def pack_countries(data: Bytes, offsets: Positions, out: npt.NDArray[np.int16], reject: Bytes) -> None:
    """Pack two capital letters into an int16; reject other text."""
    for row in range(len(out)):
        at = offsets[row]
        length = offsets[row + 1] - at
        letters = length == 2 and 0x41 <= data[at] <= 0x5A and 0x41 <= data[at + 1] <= 0x5A
        out[row] = (byte_at(data, at) << 8) | byte_at(data, at + 1) if letters else 0
        reject[row] |= not letters and length > 0
