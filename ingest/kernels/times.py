"""Time cells to µs since the epoch."""

from __future__ import annotations

from typing import Final

import numpy as np

from ingest.kernels.cells import DECIMAL, INTEGER, NONE, STRING, Bytes, Ints, Positions
from ingest.kernels.compiled import byte_at, kernel
from ingest.kernels.numbers import decimal, natural
from schemas.columns import NULL_TIME
from schemas.fields import LATEST_TIME, MILLISECONDS_FROM

_NO_OFFSET: Final = 1 << 20


@kernel
def read_times(
    data: Bytes, kind: Bytes, begin: Positions, size: Positions, required: bool, out: Ints, reject: Bytes
) -> None:
    """Read RFC 3339 text with an offset, epoch seconds or milliseconds."""
    for row in range(len(kind)):
        start, end = begin[row], begin[row] + size[row]
        if kind[row] == NONE:
            out[row] = NULL_TIME
            reject[row] |= required
            continue
        micros = -1
        if kind[row] == STRING:
            micros = _moment(data, start, end)
        elif kind[row] in (INTEGER, DECIMAL):
            micros = _epoch(data, start, end, kind[row] == INTEGER)
        out[row] = micros
        reject[row] |= not 0 <= micros < LATEST_TIME


@kernel
def _epoch(data: Bytes, start: int, end: int, whole: bool) -> int:
    if whole:
        number = natural(data, start, end)
        if number < 0 or number >= LATEST_TIME:
            return -1
        return number * (1_000 if number >= MILLISECONDS_FROM else 1_000_000)
    value, exact = decimal(data, start, end)
    if not exact or not 0 <= value < LATEST_TIME / 1_000:
        # What only more digits would tell is left to the contract.
        return -1
    return int(np.int64(np.rint(value * (1_000 if value >= MILLISECONDS_FROM else 1_000_000))))


@kernel
def _pair(data: Bytes, at: int, limit: int) -> int:
    """Read two digits below `limit`, or -1."""
    tens, ones = byte_at(data, at) - 0x30, byte_at(data, at + 1) - 0x30
    number = tens * 10 + ones
    return number if 0 <= tens <= 9 and 0 <= ones <= 9 and number < limit else -1


@kernel
def _moment(data: Bytes, start: int, end: int) -> int:
    """Read RFC 3339 text as µs; -1 where it is not plainly right."""
    if end - start < len("2026-01-31T12:00:00Z"):
        return -1
    days = _date(data, start)
    hour, minute = _pair(data, start + 11, 24), _pair(data, start + 14, 60)
    second = _pair(data, start + 17, 60)
    separated = data[start + 10] in (0x54, 0x74, 0x20) and data[start + 13] == 0x3A and data[start + 16] == 0x3A
    if days < 0 or hour < 0 or minute < 0 or second < 0 or not separated:
        return -1
    at, fraction = _fraction(data, start + 19, end)
    offset = _offset(data, at, end)
    if fraction < 0 or offset == _NO_OFFSET:
        return -1
    return ((days * 24 + hour) * 60 + minute - offset) * 60_000_000 + second * 1_000_000 + fraction


@kernel
def _date(data: Bytes, at: int) -> int:
    """Days since the epoch of YYYY-MM-DD, or -1 (Hinnant's days_from_civil)."""
    century, year = _pair(data, at, 100), _pair(data, at + 2, 100)
    month, day = _pair(data, at + 5, 13), _pair(data, at + 8, 32)
    if century < 0 or year < 0 or month <= 0 or day <= 0 or data[at + 4] != 0x2D or data[at + 7] != 0x2D:
        return -1
    year += century * 100
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 28 + leap if month == 2 else 30 + (month + (month >= 8)) % 2
    if day > last:
        return -1
    year -= month <= 2
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year % 400 * 365 + year % 400 // 4 - year % 400 // 100 + day_of_year
    return year // 400 * 146_097 + day_of_era - 719_468


@kernel
def _fraction(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Read an optional fraction of up to nine digits: (next position, µs or -1)."""
    if data[at] != 0x2E and data[at] != 0x2C:
        return at, 0
    at += 1
    digits, micros = 0, 0
    while at < end and 0x30 <= data[at] <= 0x39:
        if digits < 6:
            micros = micros * 10 + byte_at(data, at) - 0x30
        digits += 1
        at += 1
    for _ in range(digits, 6):
        micros *= 10
    return at, (micros if 1 <= digits <= 9 else -1)


@kernel
def _offset(data: Bytes, at: int, end: int) -> int:
    """Read Z or ±HH:MM up to `end`: minutes east of UTC, or `_NO_OFFSET`."""
    if end - at == 1 and data[at] in (0x5A, 0x7A):
        return 0
    if end - at != 6 or data[at] not in (0x2B, 0x2D) or data[at + 3] != 0x3A:
        return _NO_OFFSET
    hours, minutes = _pair(data, at + 1, 24), _pair(data, at + 4, 60)
    if hours < 0 or minutes < 0:
        return _NO_OFFSET
    return (hours * 60 + minutes) * (1 if data[at] == 0x2B else -1)
