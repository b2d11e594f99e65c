"""One pass over the bytes of JSON records: where each known member's value stands, and of which kind it is.

It accepts a subset of RFC 8259; a record it is not sure about is left to the contract, never guessed. Every record is
followed by a NUL, at which each loop stops.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ingest.kernels.cells import (
    DECIMAL,
    FALSE,
    INTEGER,
    LIST,
    NONE,
    OTHER,
    STRING,
    TRUE,
    UNSURE,
    Bytes,
    Ints,
    Positions,
)
from ingest.kernels.compiled import byte_at, kernel
from ingest.kernels.strings import non_ascii, read_string
from ingest.kernels.words import WordTable, find_word

_MAX_DEPTH: Final = 60
_MAX_DIGITS: Final = 200  # with an exponent of two digits still far from the end of the doubles
_NULL, _TRUE, _FALSE = (np.frombuffer(word, np.uint8) for word in (b"null", b"true", b"false"))


@kernel
def scan_records(
    data: Bytes,
    starts: Ints,
    ends: Ints,
    names: WordTable,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    status: Bytes,
    unknown: Positions,
    sample: Ints,
) -> int:
    """Fill the cells, the status and the count of unknown members of each record; give the length of the sample."""
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
    begin: Positions,
    size: Positions,
    unknown: Positions,
    sample: Ints,
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
        byte = byte_at(data, at)
        if byte < 0x20 or byte == 0x5C:
            return -1, 0, 0, -1, UNSURE
        high |= byte
        mixed = (mixed * 31 + byte) & 0xFFFFFFFF
        at += 1
    last = at
    at = _space(data, at + 1)
    if data[at] != 0x3A:  # :
        return -1, 0, 0, -1, UNSURE
    return find_word(data, first, last, mixed, names), first, last, _space(data, at + 1), non_ascii(high)


@kernel
def _value(data: Bytes, at: int) -> tuple[int, int, int, int, int]:
    """Read a known field's value: (kind, begin, size, next position or -1, status)."""
    byte = data[at]
    if byte == 0x22:
        last, after, flags = read_string(data, at + 1)
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
        last, at, bits = read_string(data, first)
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
        wild, at = after - at > 2, after
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
    _, at, flags = read_string(data, at + 1)
    if at < 0:
        return -1, UNSURE
    at = _space(data, at)
    return (_space(data, at + 1) if data[at] == 0x3A else -1), flags


@kernel
def _atom(data: Bytes, at: int) -> tuple[int, int]:
    if data[at] == 0x22:
        _, after, flags = read_string(data, at + 1)
        return after, flags
    _, after, wild = _scalar(data, at)
    return (-1 if wild else after), 0
