"""From the scanner's cells to columns: one reader for each kind of field marker, over all records at once.

A reader sets `reject[i]` where it is not sure that the contract accepts record i with the value it read; that record
then goes to `ingest.contract`. What compiled code cannot decide (non-ASCII placeholders, unknown words, long decimals)
is decided by the contract's own functions on just those values.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.compiled import kernel
from ingest.hashing import string_buffers
from ingest.scanner import DECIMAL, FALSE, FIELD_INDEX, INTEGER, LIST, NONE, STRING, TRUE, Bytes, Cells
from ingest.words import WordTable, find_word, spread
from schemas.columns import NULL_TIME
from schemas.fields import (
    LATEST_TIME,
    MAX_LIST_ITEMS,
    MAX_TEXT_CHARS,
    MILLISECONDS_FROM,
    PLACEHOLDERS,
    normal_ip,
    placeholder_to_null,
    word_of,
)
from schemas.vocabulary import NULL_CODE, codes

Ints = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int32]

_PLACEHOLDERS: Final = WordTable.of(sorted(PLACEHOLDERS - {""}))
_LONGEST_PLACEHOLDER: Final = 4 * max(map(len, PLACEHOLDERS))
_DOUBTFUL: Final = -1
_NO_OFFSET: Final = 1 << 20
_EXACT_DIGITS: Final = 15


class Reader:
    """Reads the cells of one batch; `reject` collects the rows that only the contract can judge."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.n = len(cells.status)
        self.reject: Bytes = np.zeros(self.n, np.uint8)
        self.unknown_words: dict[str, Positions] = {}
        self.seen: Final = {name for name, index in FIELD_INDEX.items() if cells.kind[index].any()}

    def _cell(self, name: str) -> tuple[Bytes, Bytes, Positions, Positions]:
        index = FIELD_INDEX[name]
        return self.cells.data, self.cells.kind[index], self.cells.begin[index], self.cells.size[index]

    def _word(self, name: str, row: int) -> str:
        data, _, begin, size = self._cell(name)
        return data[begin[row] : begin[row] + size[row]].tobytes().decode("utf-8", "replace")

    def blank_placeholders(self, name: str) -> None:
        """Turn placeholders of a nullable string field into nulls."""
        data, kind, begin, size = self._cell(name)
        doubtful = np.empty(self.n, np.int32)
        count = _blank(data, kind, begin, size, _PLACEHOLDERS, doubtful)
        for row in doubtful[:count]:
            if placeholder_to_null(self._word(name, row)) is None:
                kind[row] = NONE

    def text(
        self, name: str, *, max_bytes: int = 0, max_chars: int = MAX_TEXT_CHARS, required: bool = False
    ) -> pa.Array:
        """Read strings within `max_bytes` (0: no such bound) and `max_chars` code points."""
        data, kind, begin, size = self._cell(name)
        offsets = np.empty(self.n + 1, np.int32)
        nulls = _measure(data, kind, begin, size, max_bytes, max_chars, required, offsets, self.reject)
        out = np.empty(offsets[-1], np.uint8)
        _copy(data, begin, offsets, out)
        return _string_array(offsets, out, kind == STRING if nulls else None)

    def codes(self, name: str, vocabulary: type[StrEnum], *, closed: bool) -> npt.NDArray[np.int8]:
        """Read words of a vocabulary as int8 codes; a closed one rejects what it does not know."""
        data, kind, begin, size = self._cell(name)
        out = np.empty(self.n, np.int8)
        strange = np.empty(self.n, np.int32)
        known = codes(vocabulary)
        count = _match(data, kind, begin, size, WordTable.of(tuple(known)), out, strange, self.reject)
        if closed:
            self.reject[strange[:count]] = 1
            self.reject[kind == NONE] = 1
            return out
        for row in strange[:count]:
            word = word_of(vocabulary, self._word(name, row))
            out[row] = NULL_CODE if word is None else known[str(word)]
        fallback = known.get("other", known.get("unknown"))
        self.unknown_words[name] = strange[:count][out[strange[:count]] == fallback]
        return out

    def countries(self, text: pa.Array) -> npt.NDArray[np.int16]:
        """Pack ISO 3166-1 alpha-2 codes, and reject other text."""
        offsets, data = string_buffers(text)
        out = np.empty(self.n, np.int16)
        _countries(data, offsets, out, self.reject)
        return out

    def addresses(self, name: str) -> pa.Array:
        """Read IP addresses in their normal form."""
        raw = self.text(name)
        offsets, data = string_buffers(raw)
        strange = np.empty(self.n, np.int32)
        count = _not_ipv4(data, offsets, strange)
        if not count:
            return raw
        rows = strange[:count]
        normal = [_normal_address(text) for text in raw.take(pa.array(rows)).to_pylist()]
        self.reject[rows[[address is None for address in normal]]] = 1
        mask = np.zeros(self.n, np.bool_)
        mask[rows] = True
        return pc.replace_with_mask(raw, pa.array(mask), pa.array(normal, pa.string()))

    def flags(self, name: str, vocabulary: type[StrEnum]) -> Bytes:
        """Read a word or a list of words as a bit mask."""
        data, kind, begin, size = self._cell(name)
        out = np.zeros(self.n, np.uint8)
        _flags(data, kind, begin, size, WordTable.of(tuple(codes(vocabulary))), MAX_LIST_ITEMS, out, self.reject)
        return out

    def times(self, name: str, *, required: bool = False) -> Ints:
        """Read RFC 3339 text or epoch numbers as µs."""
        data, kind, begin, size = self._cell(name)
        out = np.empty(self.n, np.int64)
        _times(data, kind, begin, size, required, out, self.reject)
        return out

    def integers(self, name: str, low: float, high: float, null: float) -> Ints:
        """Read integers from `low` to `high`, or booleans as 0 and 1 where `high` is 1."""
        data, kind, begin, size = self._cell(name)
        out = np.empty(self.n, np.int64)
        _integers(data, kind, begin, size, int(low), int(high), int(null), out, self.reject)
        return out

    def booleans(self, name: str, null: float) -> Ints:
        """Read true and false as 1 and 0."""
        kind = self._cell(name)[1]
        self.reject[(kind != NONE) & (kind != TRUE) & (kind != FALSE)] = 1
        return np.where(kind == TRUE, 1, np.where(kind == FALSE, 0, int(null)))

    def decimals(self, name: str, low: float, high: float, null: float) -> npt.NDArray[np.float64]:
        """Read numbers from `low` to `high`."""
        data, kind, begin, size = self._cell(name)
        out = np.empty(self.n, np.float64)
        doubtful = np.empty(self.n, np.int32)
        count = _decimals(data, kind, begin, size, null, out, doubtful, self.reject)
        for row in doubtful[:count]:
            out[row] = float(self._word(name, row))
        self.reject[(kind != NONE) & ~((out >= low) & (out <= high))] = 1
        return out

    def lists(self, name: str, max_items: int, *, split: bool) -> pa.Array:
        """Read lists of strings; a single string counts as one item, or is split at spaces."""
        data, kind, begin, size = self._cell(name)
        totals = np.zeros(2, np.int64)
        _measure_lists(data, kind, begin, size, max_items, split, totals, self.reject)
        rows, items = np.empty(self.n + 1, np.int32), np.empty(totals[0] + 1, np.int32)
        out = np.empty(totals[1], np.uint8)
        _copy_lists(data, kind, begin, size, split, rows, items, out)
        valid = kind != NONE
        bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
        values = _string_array(items, out, None)
        return pa.ListArray.from_buffers(pa.list_(pa.string()), self.n, [bitmap, pa.py_buffer(rows)], children=[values])


@lru_cache(maxsize=65_536)
def _normal_address(text: str) -> str | None:
    try:
        return normal_ip(text)
    except ValueError:
        return None


def _string_array(offsets: Positions, data: Bytes, valid: npt.NDArray[Any] | None) -> pa.Array:
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data), bitmap)


@kernel
def _blank(
    data: Bytes, kind: Bytes, begin: Positions, size: Positions, placeholders: WordTable, doubtful: Positions
) -> int:
    count = 0
    for row in range(len(kind)):
        if kind[row] != STRING:
            continue
        verdict = _placeholder(data, begin[row], begin[row] + size[row], placeholders)
        if verdict == 1:
            kind[row] = NONE
        elif verdict == _DOUBTFUL:
            doubtful[count] = row
            count += 1
    return count


@kernel
def _placeholder(data: Bytes, start: int, end: int, placeholders: WordTable) -> int:
    """Whether text is a placeholder: 1 yes, 0 no, `_DOUBTFUL` where Unicode or blanks at the edges have a say."""
    if start == end:
        return 1
    if not (0x20 < data[start] < 0x7F and 0x20 < data[end - 1] < 0x7F):
        return _DOUBTFUL
    if end - start > _LONGEST_PLACEHOLDER:
        return 0
    mixed, high = 0, 0
    for at in range(start, end):
        high |= data[at]
        mixed = (mixed * 31 + _lower(data[at])) & 0xFFFFFFFF
    if high >= 0x80:
        return _DOUBTFUL
    slots, offsets, words = placeholders.slots, placeholders.offsets, placeholders.data
    slot = mixed & (len(slots) - 1)
    while slots[slot] >= 0:
        first, last = offsets[slots[slot]], offsets[slots[slot] + 1]
        if last - first == end - start and _same_lower(data, start, words, first, last):
            return 1
        slot = (slot + 1) & (len(slots) - 1)
    return 0


@kernel
def _lower(byte: int) -> int:
    return np.int64(byte) + 0x20 if 0x41 <= byte <= 0x5A else np.int64(byte)


@kernel
def _same_lower(data: Bytes, at: int, words: Bytes, first: int, last: int) -> bool:
    for i in range(last - first):
        if _lower(data[at + i]) != words[first + i]:
            return False
    return True


@kernel
def _measure(
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
        elif length > max_chars and _characters(data, begin[row], begin[row] + length) > max_chars:
            reject[row] = 1
        total += length
    offsets[len(kind)] = total
    return nulls


@kernel
def _characters(data: Bytes, start: int, end: int) -> int:
    count = 0
    for at in range(start, end):
        count += (data[at] & 0xC0) != 0x80
    return count


@kernel
def _copy(data: Bytes, begin: Positions, offsets: Positions, out: Bytes) -> None:
    for row in range(len(begin)):
        first = begin[row]
        for at in range(offsets[row], offsets[row + 1]):
            out[at] = data[first]
            first += 1


@kernel
def _match(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    words: WordTable,
    out: npt.NDArray[np.int8],
    strange: Positions,
    reject: Bytes,
) -> int:
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
def _flags(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    words: WordTable,
    max_items: int,
    out: Bytes,
    reject: Bytes,
) -> None:
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
                at = start + data[at] + (np.int64(data[at + 1]) << 8)
                number = find_word(data, start, at, spread(data, start, at), words)
                reject[row] |= number < 0
                out[row] |= 1 << max(number, 0)
        elif kind[row] != NONE:
            reject[row] = 1


@kernel
def _natural(data: Bytes, at: int, end: int) -> int:
    """Read up to 19 digits; -1 where there are other bytes, or more than an int64 holds."""
    if not 0 < end - at <= 19:
        return -1
    number = np.uint64(0)
    for i in range(at, end):
        if not 0x30 <= data[i] <= 0x39:
            return -1
        number = number * np.uint64(10) + np.uint64(data[i] - 0x30)
    return np.int64(number) if number <= np.uint64(0x7FFFFFFFFFFFFFFF) else -1


@kernel
def _integers(
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
    for row in range(len(kind)):
        out[row] = null
        if kind[row] == INTEGER:
            out[row] = _natural(data, begin[row], begin[row] + size[row])
            reject[row] |= not low <= out[row] <= high
        elif kind[row] != NONE:
            reject[row] = 1


@kernel
def _decimal(data: Bytes, at: int, end: int) -> tuple[float, bool]:
    """Read a short decimal without exponent exactly (Clinger, 1990: one division of two exact doubles)."""
    negative = data[at] == 0x2D
    at += negative
    mantissa, digits, scale, point = 0, 0, 1.0, False
    while at < end:
        byte = np.int64(data[at])
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
def _decimals(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    null: float,
    out: npt.NDArray[np.float64],
    doubtful: Positions,
    reject: Bytes,
) -> int:
    count = 0
    for row in range(len(kind)):
        out[row] = null
        if kind[row] in (INTEGER, DECIMAL):
            out[row], exact = _decimal(data, begin[row], begin[row] + size[row])
            if not exact:
                doubtful[count] = row
                count += 1
        elif kind[row] != NONE:
            reject[row] = 1
    return count


@kernel
def _times(
    data: Bytes, kind: Bytes, begin: Positions, size: Positions, required: bool, out: Ints, reject: Bytes
) -> None:
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
        number = _natural(data, start, end)
        if number < 0 or number >= LATEST_TIME:
            return -1
        return number * (1_000 if number >= MILLISECONDS_FROM else 1_000_000)
    value, exact = _decimal(data, start, end)
    if not exact or not 0 <= value < LATEST_TIME / 1_000:
        # What only more digits would tell is left to the contract.
        return -1
    return np.int64(np.rint(value * (1_000 if value >= MILLISECONDS_FROM else 1_000_000)))


@kernel
def _pair(data: Bytes, at: int, limit: int) -> int:
    """Read two digits below `limit`, or -1."""
    tens, ones = np.int64(data[at]) - 0x30, np.int64(data[at + 1]) - 0x30
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
            micros = micros * 10 + np.int64(data[at]) - 0x30
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


@kernel
def _measure_lists(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    max_items: int,
    split: bool,
    totals: Ints,
    reject: Bytes,
) -> None:
    """Upper bounds of items and bytes over all rows, and rows off the bounds."""
    for row in range(len(kind)):
        if kind[row] == LIST:
            reject[row] |= size[row] > max_items
            totals[0] += size[row]
            at = begin[row]
            for _ in range(size[row]):
                length = data[at] + (np.int64(data[at + 1]) << 8)
                long = length > MAX_TEXT_CHARS and _characters(data, at + 2, at + 2 + length) > MAX_TEXT_CHARS
                reject[row] |= long
                totals[1] += length
                at += 2 + length
        elif kind[row] == STRING:
            totals[0] += _words(data, begin[row], begin[row] + size[row], split, max_items, row, reject)
            totals[1] += size[row]
        elif kind[row] != NONE:
            reject[row] = 1


@kernel
def _words(data: Bytes, start: int, end: int, split: bool, max_items: int, row: int, reject: Bytes) -> int:
    """Count the items of a single string; blanks other than spaces are left to the contract."""
    if not split:
        reject[row] |= end - start > MAX_TEXT_CHARS and _characters(data, start, end) > MAX_TEXT_CHARS
        return 1
    count, length = 0, 0
    for at in range(start, end):
        reject[row] |= data[at] < 0x20 or data[at] >= 0x80
        length = 0 if data[at] == 0x20 else length + 1
        count += length == 1
        reject[row] |= length > MAX_TEXT_CHARS
    reject[row] |= count > max_items
    return count


@kernel
def _copy_lists(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    split: bool,
    rows: Positions,
    items: Positions,
    out: Bytes,
) -> None:
    item, write = 0, 0
    for row in range(len(kind)):
        rows[row] = item
        at = begin[row]
        if kind[row] == LIST:
            for _ in range(size[row]):
                length = data[at] + (np.int64(data[at + 1]) << 8)
                items[item] = write
                for i in range(at + 2, at + 2 + length):
                    out[write] = data[i]
                    write += 1
                item, at = item + 1, at + 2 + length
        elif kind[row] == STRING:
            blank = True
            if not split:
                items[item] = write
                item += 1
            for i in range(at, at + size[row]):
                gap = split and data[i] == 0x20
                if split and blank and not gap:
                    items[item] = write
                    item += 1
                if not gap:
                    out[write] = data[i]
                    write += 1
                blank = gap
    rows[len(kind)] = item
    items[item] = write


@kernel
def _countries(data: Bytes, offsets: Positions, out: npt.NDArray[np.int16], reject: Bytes) -> None:
    for row in range(len(out)):
        at = offsets[row]
        length = offsets[row + 1] - at
        letters = length == 2 and 0x41 <= data[at] <= 0x5A and 0x41 <= data[at + 1] <= 0x5A
        out[row] = (np.int64(data[at]) << 8) | np.int64(data[at + 1]) if letters else 0
        reject[row] |= not letters and length > 0


@kernel
def _not_ipv4(data: Bytes, offsets: Positions, rows: Positions) -> int:
    """Find the rows whose text is not a dotted quad in its normal form."""
    count = 0
    for row in range(len(offsets) - 1):
        if offsets[row] < offsets[row + 1] and not _is_ipv4(data, offsets[row], offsets[row + 1]):
            rows[count] = row
            count += 1
    return count


@kernel
def _is_ipv4(data: Bytes, at: int, end: int) -> bool:
    octets = 0
    while at < end:
        first, number = at, 0
        while at < end and at - first < 4 and 0x30 <= data[at] <= 0x39:
            number = number * 10 + np.int64(data[at]) - 0x30
            at += 1
        padded = at - first > 1 and data[first] == 0x30
        if at == first or padded or number > 255 or octets == 4:
            return False
        octets += 1
        if at < end:
            if data[at] != 0x2E or at + 1 == end:
                return False
            at += 1
    return octets == 4
