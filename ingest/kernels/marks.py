"""Search for the marks of raw tokens over a whole batch."""

from __future__ import annotations

from typing import Final

from ingest.kernels.cells import Bytes, Ints
from ingest.kernels.compiled import kernel
from ingest.kernels.words import same_bytes

STEM_BYTES: Final = 4


@kernel
def find_marks(data: Bytes, starts: Ints, ends: Ints, stems: Bytes, offsets: Ints, marks: Bytes, rows: Ints) -> int:
    """Fill `rows` with the records that hold a mark, and count them.

    Args:
        data: the records, each followed by as many bytes as a mark may have.
        starts, ends: of each record, shape (n,).
        stems: the different beginnings of the marks, shape (stems, `STEM_BYTES`); 0 stands for any byte.
        offsets, marks: mark i is `marks[offsets[i]:offsets[i + 1]]`.
        rows: room for n rows.
    """
    count = 0
    for row in range(len(starts)):
        record = data[starts[row] : ends[row] + STEM_BYTES]
        for stem in range(len(stems)):
            if _holds(record, stems[stem]) and _confirmed(record, stems[stem], offsets, marks):
                rows[count] = row
                count += 1
                break
    return count


@kernel
def _holds(record: Bytes, stem: Bytes) -> bool:
    """Look at every position without leaving early, so that it compiles to vector instructions."""
    first, second, third, fourth = stem[0], stem[1], stem[2], stem[3]
    short = fourth == 0
    found = False
    for at in range(len(record) - STEM_BYTES):
        start = (record[at] == first) & (record[at + 1] == second)
        found |= start & (record[at + 2] == third) & (short | (record[at + 3] == fourth))
    return found


@kernel
def _confirmed(record: Bytes, stem: Bytes, offsets: Ints, marks: Bytes) -> bool:
    for at in range(len(record) - STEM_BYTES):
        if record[at] == stem[0] and record[at + 1] == stem[1]:
            for mark in range(len(offsets) - 1):
                if same_bytes(record, at, marks, offsets[mark], offsets[mark + 1]):
                    return True
    return False
