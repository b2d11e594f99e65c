"""One pass over the bytes of many JSON records: where each known field's value starts and ends, and of which kind.

Every record ends with a NUL byte, which no JSON text may hold outside an escape: each loop stops there at the latest,
so none needs a bounds check. The scanner accepts a subset of RFC 8259; whatever it is not sure about is left to the
contract (`ingest.contract`), never guessed. Strings with escapes are rewritten in place, as text never grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.compiled import kernel
from ingest.hashing import load_word
from ingest.words import WordTable, find_word
from schemas.events import TokenEvent

Bytes = npt.NDArray[np.uint8]
Grid = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int32]

ENVELOPE_FIELD: Final = "specversion"
FIELDS: Final = (*TokenEvent.model_fields, ENVELOPE_FIELD)
FIELD_INDEX: Final = {name: index for index, name in enumerate(FIELDS)}
_NAMES: Final = WordTable.of(FIELDS)

# Kinds of a cell.
NONE, STRING, LIST, INTEGER, DECIMAL, TRUE, FALSE, OTHER = range(8)

# Bits of a row's status.
UNSURE: Final = 1
NON_ASCII: Final = 2

MAX_UNKNOWN_SAMPLED: Final = 256
_MAX_DEPTH: Final = 60
_MAX_DIGITS: Final = 200  # with an exponent of two digits still far from the end of the doubles
_ONES, _HIGH_BITS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _BLANKS = (_ONES * np.uint64(byte) for byte in b'"\\ ')
_NULL, _TRUE, _FALSE = (np.frombuffer(word, np.uint8) for word in (b"null", b"true", b"false"))


@dataclass(frozen=True, slots=True)
class Cells:
    """What the scanner found in n records.

    Attributes:
        data: the joined bytes, with escapes resolved in place.
        kind: uint8, shape (fields, n); a cell that was never seen is `NONE`, as null is.
        begin, size: int32, shape (fields, n). A string's bytes; the text of a number; of a list `begin` is where its
            packed items (two bytes of length, then the bytes) start and `size` how many there are.
        status: uint8, shape (n,), bits `UNSURE` and `NON_ASCII`.
        unknown: int32, shape (n,): members that are no event field.
        unknown_names: a sample of (row, name) of them.
    """

    data: Bytes
    kind: Bytes
    begin: Grid
    size: Grid
    status: Bytes
    unknown: Positions
    unknown_names: list[tuple[int, bytes]]


def scan(data: Bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Cells:
    """Scan records `data[starts[i]:ends[i]]`, each followed by a NUL. `data` is changed in place."""
    n = len(starts)
    # Fresh zeroed pages cost nothing until touched, so absent fields are free.
    kind = np.zeros((len(FIELDS), n), np.uint8)
    begin, size = np.empty((len(FIELDS), n), np.int32), np.empty((len(FIELDS), n), np.int32)
    status = np.zeros(n, np.uint8)
    unknown = np.zeros(n, np.int32)
    sample = np.empty((MAX_UNKNOWN_SAMPLED, 3), np.int64)
    sampled = _scan(data, starts, ends, _NAMES, kind, begin, size, status, unknown, sample)
    names = [(int(row), data[at:end].tobytes()) for row, at, end in sample[:sampled]]
    return Cells(data, kind, begin, size, status, unknown, names)


@kernel
def _scan(
    data: Bytes,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    names: WordTable,
    kind: Bytes,
    begin: Grid,
    size: Grid,
    status: Bytes,
    unknown: Positions,
    sample: npt.NDArray[np.int64],
) -> int:
    sampled = 0
    for row in range(len(starts)):
        flags, sampled = _record(data, starts[row], ends[row], row, names, kind, begin, size, unknown, sample, sampled)
        status[row] = flags
    return sampled


@kernel
def _record(
    data: Bytes,
    at: int,
    end: int,
    row: int,
    names: WordTable,
    kind: Bytes,
    begin: Grid,
    size: Grid,
    unknown: Positions,
    sample: npt.NDArray[np.int64],
    sampled: int,
) -> tuple[int, int]:
    """Read one object: its status bits, and how much of the sample of unknown names is filled."""
    at = _space(data, at)
    if data[at] != 0x7B:  # {
        return UNSURE, sampled
    at = _space(data, at + 1)
    status = 0
    more = data[at] != 0x7D  # }
    while more:
        field, first, last, at, flags = _key(data, at, names)
        if at < 0:
            return UNSURE, sampled
        status |= flags
        if field >= 0:
            kind[field, row], begin[field, row], size[field, row], at, flags = _value(data, at)
        else:
            unknown[row] += 1
            if sampled < len(sample):
                sample[sampled, 0], sample[sampled, 1], sample[sampled, 2] = row, first, last
                sampled += 1
            at, flags = _skip(data, at)
        if at < 0:
            return UNSURE, sampled
        status |= flags
        at = _space(data, at)
        more = data[at] == 0x2C  # ,
        if more:
            at = _space(data, at + 1)
    closed = data[at] == 0x7D and _space(data, at + 1) == end
    return (status if closed else UNSURE), sampled


@kernel
def _space(data: Bytes, at: int) -> int:
    while data[at] == 0x20 or data[at] == 0x0A or data[at] == 0x0D or data[at] == 0x09:
        at += 1
    return at


@kernel
def _key(data: Bytes, at: int, names: WordTable) -> tuple[int, int, int, int, int]:
    """Read a member's name and colon: (field or -1, name start, name end, position of the value or -1, status).

    A name with escapes is not looked into.
    """
    if data[at] != 0x22:
        return -1, 0, 0, -1, UNSURE
    at += 1
    first, mixed, high = at, 0, 0
    while data[at] != 0x22:
        byte = np.int64(data[at])
        if byte < 0x20 or byte == 0x5C:
            return -1, 0, 0, -1, UNSURE
        high |= byte
        mixed = (mixed * 31 + byte) & 0xFFFFFFFF
        at += 1
    last = at
    at = _space(data, at + 1)
    if data[at] != 0x3A:  # :
        return -1, 0, 0, -1, UNSURE
    return find_word(data, first, last, mixed, names), first, last, _space(data, at + 1), _bits(high)


@kernel
def _bits(high: int) -> int:
    return NON_ASCII if high >= 0x80 else 0


@kernel
def _value(data: Bytes, at: int) -> tuple[int, int, int, int, int]:
    """Read a known field's value: (kind, begin, size, next position or -1, status)."""
    byte = data[at]
    if byte == 0x22:
        last, after, flags = _string(data, at + 1)
        return STRING, at + 1, last - at - 1, after, flags
    if byte == 0x5B:
        count, after, flags = _list(data, at)
        return LIST, at, count, after, flags
    if byte == 0x7B:
        after, flags = _skip(data, at)
        return OTHER, at, 0, after, flags
    cell, after, _ = _scalar(data, at)
    return cell, at, after - at, after, 0


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
def _string(data: Bytes, at: int) -> tuple[int, int, int]:
    """Read a string from behind its opening quote: (end of the text, next position or -1, status)."""
    at = _plain(data, at)
    high = 0
    while True:
        byte = np.int64(data[at])
        if byte == 0x22:
            return at, at + 1, _bits(high)
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
        byte = np.int64(data[at])
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
    return write, at + 1, _bits(high)


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
        byte = np.int64(data[at + i])
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


@kernel
def _list(data: Bytes, at: int) -> tuple[int, int, int]:
    """Read a list of strings and pack it from `at` on: (items, next position or -1, status).

    An item takes two bytes of length instead of its two quotes, so packing never overtakes reading.
    """
    write, count, flags = at, 0, 0
    at = _space(data, at + 1)
    more = data[at] != 0x5D  # ]
    while more:
        if data[at] != 0x22:
            return 0, -1, UNSURE
        first = at + 1
        last, at, bits = _string(data, first)
        if at < 0:
            return 0, -1, UNSURE
        flags |= bits
        length = last - first
        data[write], data[write + 1] = length & 0xFF, length >> 8
        for i in range(length):
            data[write + 2 + i] = data[first + i]
        write, count = write + 2 + length, count + 1
        at = _space(data, at)
        more = data[at] == 0x2C
        if more:
            at = _space(data, at + 1)
    return count, (at + 1 if data[at] == 0x5D else -1), flags


@kernel
def _scalar(data: Bytes, at: int) -> tuple[int, int, bool]:
    """Read a literal or number: (kind, next position or -1, whether its size may pass a float's range)."""
    if data[at] == 0x6E:
        return NONE, _literal(data, at, _NULL), False
    if data[at] == 0x74:
        return TRUE, _literal(data, at, _TRUE), False
    if data[at] == 0x66:
        return FALSE, _literal(data, at, _FALSE), False
    return _number(data, at)


@kernel
def _literal(data: Bytes, at: int, word: Bytes) -> int:
    for i in range(len(word)):
        if data[at + i] != word[i]:
            return -1
    return at + len(word)


@kernel
def _digits(data: Bytes, at: int) -> int:
    while 0x30 <= data[at] <= 0x39:
        at += 1
    return at


@kernel
def _number(data: Bytes, at: int) -> tuple[int, int, bool]:
    first = at
    if data[at] == 0x2D:
        at += 1
    after = at + 1 if data[at] == 0x30 else _digits(data, at)
    if after == at:
        return OTHER, -1, False
    at, cell, wild = after, INTEGER, False
    if data[at] == 0x2E:
        cell, after = DECIMAL, _digits(data, at + 1)
        if after == at + 1:
            return OTHER, -1, False
        at = after
    if data[at] in (0x45, 0x65):
        at += 2 if data[at + 1] in (0x2B, 0x2D) else 1
        cell, after = DECIMAL, _digits(data, at)
        if after == at:
            return OTHER, -1, False
        wild, at = after - at > 2, after  # noqa: PLR2004 - 99 is far from 308
    return cell, at, wild or at - first > _MAX_DIGITS


@kernel
def _skip(data: Bytes, at: int) -> tuple[int, int]:
    """Step over any value: (next position or -1, status). Deep nesting is left to the contract."""
    depth, objects, flags = 0, 0, 0
    while True:
        byte = data[at]
        if byte in (0x7B, 0x5B):
            depth, objects = depth + 1, (objects << 1) | (byte == 0x7B)
            at = _space(data, at + 1)
            closes = data[at] == (0x7D if byte == 0x7B else 0x5D)
            if depth > _MAX_DEPTH:
                return -1, UNSURE
            if not closes:
                at, bits = _member(data, at, objects)
                if at < 0:
                    return -1, UNSURE
                flags |= bits
                continue
        else:
            at, bits = _atom(data, at)
            if at < 0:
                return -1, UNSURE
            flags |= bits
        at, depth, objects = _close(data, at, depth, objects)
        if depth == 0:
            return at, flags
        if data[at] != 0x2C:
            return -1, UNSURE
        at, bits = _member(data, _space(data, at + 1), objects)
        if at < 0:
            return -1, UNSURE
        flags |= bits


@kernel
def _close(data: Bytes, at: int, depth: int, objects: int) -> tuple[int, int, int]:
    """Leave every container that ends here: (position, depth left, stack left)."""
    while depth > 0:
        at = _space(data, at)
        if data[at] != (0x7D if objects & 1 else 0x5D):
            break
        at, depth, objects = at + 1, depth - 1, objects >> 1
    return at, depth, objects


@kernel
def _member(data: Bytes, at: int, objects: int) -> tuple[int, int]:
    """Inside an object, step over a member's name and colon."""
    if not objects & 1:
        return at, 0
    if data[at] != 0x22:
        return -1, UNSURE
    _, at, flags = _string(data, at + 1)
    if at < 0:
        return -1, UNSURE
    at = _space(data, at)
    return (_space(data, at + 1) if data[at] == 0x3A else -1), flags


@kernel
def _atom(data: Bytes, at: int) -> tuple[int, int]:
    if data[at] == 0x22:
        _, after, flags = _string(data, at + 1)
        return after, flags
    _, after, wild = _scalar(data, at)
    return (-1 if wild else after), 0
