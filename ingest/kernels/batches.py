"""The records of an unpacked Kafka batch (message format 2): where keys, values and headers stand.

Source: "Record" in the Apache Kafka documentation, Message Format.
"""

from __future__ import annotations

from typing import Final

from ingest.kernels.cells import Bytes, Ints
from ingest.kernels.compiled import byte_at, kernel

OFFSET: Final = 0
TIME: Final = 1
KEY: Final = 2
KEY_SIZE: Final = 3
VALUE: Final = 4
VALUE_SIZE: Final = 5
HEADERS: Final = 6
HEADER_COUNT: Final = 7
PLACES: Final = 8
"""Rows of `places`: offset and time (ms) relative to the batch, begin and size (-1: null) of key and value, begin and
number of headers."""

MIN_RECORD_BYTES: Final = 7
CORRUPT: Final = -1
_VARINT_BITS: Final = 63


@kernel
def read_batch(data: Bytes, at: int, places: Ints) -> int:
    """Fill `places`, shape (`PLACES`, n), with the n records that begin at `at`.

    Returns:
        1, or `CORRUPT` if they do not fill the data to its end exactly, or one of their lengths is none.
    """
    for row in range(places.shape[1]):
        size, at = _varint(data, at)
        if not 0 <= size <= len(data) - at:
            return CORRUPT
        end = at + size
        _, at = _varint(data, at)
        places[TIME, row], at = _varint(data, at)
        places[OFFSET, row], at = _varint(data, at)
        at = _span(data, at, places, KEY, row)
        at = _span(data, at, places, VALUE, row)
        places[HEADER_COUNT, row], places[HEADERS, row] = _varint(data, at)
        if _after_headers(data, places[HEADERS, row], end, places[HEADER_COUNT, row]) != end:
            return CORRUPT
        at = end
    return 1 if at == len(data) else CORRUPT


@kernel
def _varint(data: Bytes, at: int) -> tuple[int, int]:
    """Read a zigzag varint and the place behind it: behind the data if it is longer than 64 bits allow.

    Behind the data there are only zeros.
    """
    value, shift = 0, 0
    while shift <= _VARINT_BITS:
        byte = byte_at(data, at) if at < len(data) else 0
        if shift == _VARINT_BITS and byte > 1:
            break
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return ((value >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1), at
    return 0, len(data) + 1


@kernel
def _span(data: Bytes, at: int, places: Ints, which: int, row: int) -> int:
    """Note begin and size of a key or value, and give the place behind it: behind the data if it has no valid one."""
    size, at = _varint(data, at)
    places[which, row], places[which + 1, row] = at, max(size, -1)
    return at + max(size, 0) if size <= len(data) else len(data) + 1


@kernel
def _after_headers(data: Bytes, at: int, end: int, count: int) -> int:
    """Give the place behind so many headers, or `CORRUPT`."""
    if not 0 <= count <= end - at:
        return CORRUPT
    for part in range(2 * count):
        size, at = _varint(data, at)
        is_name = part % 2 == 0
        if size > end - at or (is_name and size < 0):
            return CORRUPT
        at += max(size, 0)
    return at


@kernel
def join_payloads(data: Bytes, begins: Ints, starts: Ints, ends: Ints, out: Bytes) -> None:
    """Copy `ends[i] - starts[i]` bytes from `begins[i]` to `starts[i]`, and put a NUL behind them."""
    for row in range(len(begins)):
        begin, start = begins[row], starts[row]
        for at in range(ends[row] - start):
            out[start + at] = data[begin + at]
        out[ends[row]] = 0
