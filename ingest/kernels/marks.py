"""Search for the marks of raw tokens over a whole batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.kernels.cells import Bytes, Ints
from ingest.kernels.compiled import byte_at, kernel
from ingest.kernels.words import same_bytes


@kernel
def find_marks(
    data: Bytes,
    starts: Ints,
    ends: Ints,
    pairs: npt.NDArray[np.bool_],
    offsets: Ints,
    marks: Bytes,
    rows: Ints,
) -> int:
    """Fill `rows` with the records that hold a mark, and count them. `pairs` are the first two bytes of the marks."""
    count = 0
    for row in range(len(starts)):
        pair = 0
        for at in range(starts[row], ends[row]):
            pair = ((pair << 8) | byte_at(data, at)) & 0xFFFF
            if pairs[pair] and _marked(data, at - 1, offsets, marks):
                rows[count] = row
                count += 1
                break
    return count


@kernel
def _marked(data: Bytes, at: int, offsets: Ints, marks: Bytes) -> bool:
    for mark in range(len(offsets) - 1):
        start, end = offsets[mark], offsets[mark + 1]
        if same_bytes(data, at, marks, start, end):
            return True
    return False
