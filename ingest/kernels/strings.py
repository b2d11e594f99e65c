"""JSON strings: stepped over eight bytes at a time, escapes resolved in place.

Every record is followed by a NUL, which no JSON text may hold outside an escape: each loop stops there at the latest.
"""

from __future__ import annotations

import numpy as np

from ingest.kernels.cells import NON_ASCII, UNSURE, Bytes
from ingest.kernels.compiled import byte_at, kernel
from ingest.kernels.siphash import load_word

_ONES, _HIGH_BITS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _BLANKS = (_ONES * np.uint64(byte) for byte in b'"\\ ')


@kernel
def non_ascii(high: int) -> int:
    """Give the status bit for the bytes of a text joined by `or`."""
    return NON_ASCII if high >= 0x80 else 0


@kernel
def _plain(data: Bytes, at: int) -> int:
    """Step over eight bytes at a time while all are ASCII without quote, backslash and controls."""
    while True:
        word = load_word(data, at)
        quote, slash = word ^ _QUOTES, word ^ _BACKSLASHES
        odd = (quote - _ONES) | (slash - _ONES) | (word - _BLANKS) | word
        if odd & _HIGH_BITS:
            return at
        at += 8


@kernel
def read_string(data: Bytes, at: int) -> tuple[int, int, int]:
    """Read a string from behind its opening quote: (end of the text, next position or -1, status)."""
    at = _plain(data, at)
    high = 0
    while True:
        byte = byte_at(data, at)
        if byte == 0x22:
            return at, at + 1, non_ascii(high)
        if byte < 0x20:
            return at, -1, UNSURE
        if byte == 0x5C:
            return _unescape(data, at, high)
        high |= byte
        at += 1


@kernel
def _unescape(data: Bytes, at: int, high: int) -> tuple[int, int, int]:
    """Read on from the first backslash, moving the text to the left; results as `_string`.

    NUL and lone surrogates are left to the contract.
    """
    write = at
    while data[at] != 0x22:
        byte = byte_at(data, at)
        if byte < 0x20:
            return at, -1, UNSURE
        if byte != 0x5C:
            high |= byte
            data[write] = byte
            write, at = write + 1, at + 1
        elif data[at + 1] == 0x75:  # u
            point, at = _code_point(data, at + 2)
            if point <= 0:
                return at, -1, UNSURE
            write = _put(data, write, point)
        else:
            plain = _plain_escape(data[at + 1])
            if plain == 0:
                return at, -1, UNSURE
            data[write] = plain
            write, at = write + 1, at + 2
    return write, at + 1, non_ascii(high)


@kernel
def _plain_escape(symbol: int) -> int:
    if symbol in (0x22, 0x2F, 0x5C):
        return symbol
    if symbol == 0x6E:
        return 0x0A
    if symbol == 0x74:
        return 0x09
    if symbol == 0x72:
        return 0x0D
    if symbol == 0x62:
        return 0x08
    return 0x0C if symbol == 0x66 else 0


@kernel
def _code_point(data: Bytes, at: int) -> tuple[int, int]:
    """Read the hex digits behind an escaped u, and those of the low surrogate: (code point or -1, next position)."""
    point = _hex4(data, at)
    if not 0xD800 <= point <= 0xDFFF:
        return point, at + 4
    if point >= 0xDC00 or data[at + 4] != 0x5C or data[at + 5] != 0x75:
        return -1, at
    low = _hex4(data, at + 6)
    if not 0xDC00 <= low <= 0xDFFF:
        return -1, at
    return 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00), at + 10


@kernel
def _hex4(data: Bytes, at: int) -> int:
    number = 0
    for i in range(4):
        byte = byte_at(data, at + i)
        if 0x30 <= byte <= 0x39:
            number = number * 16 + byte - 0x30
        elif 0x41 <= byte <= 0x46:
            number = number * 16 + byte - 0x37
        elif 0x61 <= byte <= 0x66:
            number = number * 16 + byte - 0x57
        else:
            return -1
    return number


@kernel
def _put(data: Bytes, at: int, point: int) -> int:
    """Write a code point as UTF-8 and give the next position; an escape is never shorter than its UTF-8."""
    if point < 0x80:
        data[at] = point
        return at + 1
    if point < 0x800:
        data[at], data[at + 1] = 0xC0 | (point >> 6), 0x80 | (point & 0x3F)
        return at + 2
    if point < 0x10000:
        data[at], data[at + 1] = 0xE0 | (point >> 12), 0x80 | ((point >> 6) & 0x3F)
        data[at + 2] = 0x80 | (point & 0x3F)
        return at + 3
    data[at], data[at + 1] = 0xF0 | (point >> 18), 0x80 | ((point >> 12) & 0x3F)
    data[at + 2], data[at + 3] = 0x80 | ((point >> 6) & 0x3F), 0x80 | (point & 0x3F)
    return at + 4
