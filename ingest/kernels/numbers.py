"""Number cells to integers and doubles."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.kernels.cells import DECIMAL, INTEGER, NONE, Bytes, Ints, Positions
from ingest.kernels.compiled import byte_at, kernel

_EXACT_DIGITS: Final = 15


@kernel
def natural(data: Bytes, at: int, end: int) -> int:
    """Read up to 19 digits; -1 where there are other bytes, or more than an int64 holds."""
    if not 0 < end - at <= 19:
        return -1
    number = np.uint64(0)
    for i in range(at, end):
        if not 0x30 <= data[i] <= 0x39:
            return -1
        number = number * np.uint64(10) + np.uint64(data[i] - 0x30)
    return int(np.int64(number)) if number <= np.uint64(0x7FFFFFFFFFFFFFFF) else -1


@kernel
def read_integers(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    low: int,
    high: int,
    null: int,
    out: Ints,
    reject: Bytes,
) -> None:
    """Read integers from `low` to `high`."""
    for row in range(len(kind)):
        out[row] = null
        if kind[row] == INTEGER:
            out[row] = natural(data, begin[row], begin[row] + size[row])
            reject[row] |= not low <= out[row] <= high
        elif kind[row] != NONE:
            reject[row] = 1


@kernel
def decimal(data: Bytes, at: int, end: int) -> tuple[float, bool]:
    """Read a short decimal without exponent exactly (Clinger, 1990: one division of two exact doubles)."""
    negative = data[at] == 0x2D
    at += negative
    mantissa, digits, scale, point = 0, 0, 1.0, False
    while at < end:
        byte = byte_at(data, at)
        if byte == 0x2E:
            point = True
        elif 0x30 <= byte <= 0x39:
            mantissa = mantissa * 10 + byte - 0x30
            digits += 1
            if point:
                scale *= 10.0
        else:
            return 0.0, False
        if digits > _EXACT_DIGITS:
            return 0.0, False
        at += 1
    value = mantissa / scale
    return (-value if negative else value), True


@kernel
def read_decimals(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    null: float,
    out: npt.NDArray[np.float64],
    doubtful: Positions,
    reject: Bytes,
) -> int:
    """Read numbers; fill `doubtful` with the rows that need more precision, and count them."""
    count = 0
    for row in range(len(kind)):
        out[row] = null
        if kind[row] in (INTEGER, DECIMAL):
            out[row], exact = decimal(data, begin[row], begin[row] + size[row])
            if not exact:
                doubtful[count] = row
                count += 1
        elif kind[row] != NONE:
            reject[row] = 1
    return count
