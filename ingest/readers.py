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

from ingest.hashing import string_buffers
from ingest.kernels.addresses import find_not_ipv4
from ingest.kernels.cells import FALSE, NONE, STRING, TRUE, Bytes, Ints, Positions
from ingest.kernels.lists import copy_lists, measure_lists
from ingest.kernels.numbers import read_decimals, read_integers
from ingest.kernels.text import blank_placeholders, copy_text, measure_text, pack_countries
from ingest.kernels.times import read_times
from ingest.kernels.words import WordTable, match_words, word_flags
from ingest.scanner import FIELD_INDEX, Cells
from schemas.fields import (
    MAX_LIST_ITEMS,
    MAX_TEXT_CHARS,
    PLACEHOLDERS,
    normal_ip,
    placeholder_to_null,
    word_of,
)
from schemas.vocabulary import NULL_CODE, codes

_PLACEHOLDERS: Final = WordTable.of(sorted(PLACEHOLDERS - {""}))
_INITIALS: Final = np.isin(
    np.arange(256), [ord(case) for word in PLACEHOLDERS - {""} for case in word[0] + word[0].upper()]
)


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
        count = blank_placeholders(data, kind, begin, size, _PLACEHOLDERS, _INITIALS, doubtful)
        for row in doubtful[:count]:
            if placeholder_to_null(self._word(name, row)) is None:
                kind[row] = NONE

    def text(
        self, name: str, *, max_bytes: int = 0, max_chars: int = MAX_TEXT_CHARS, required: bool = False
    ) -> pa.Array:
        """Read strings within `max_bytes` (0: no such bound) and `max_chars` code points."""
        data, kind, begin, size = self._cell(name)
        offsets = np.empty(self.n + 1, np.int32)
        nulls = measure_text(data, kind, begin, size, max_bytes, max_chars, required, offsets, self.reject)
        out = np.empty(offsets[-1], np.uint8)
        copy_text(data, begin, offsets, out)
        return _string_array(offsets, out, kind == STRING if nulls else None)

    def codes(self, name: str, vocabulary: type[StrEnum], *, closed: bool) -> npt.NDArray[np.int8]:
        """Read words of a vocabulary as int8 codes; a closed one rejects what it does not know."""
        data, kind, begin, size = self._cell(name)
        out = np.empty(self.n, np.int8)
        strange = np.empty(self.n, np.int32)
        known = codes(vocabulary)
        count = match_words(data, kind, begin, size, WordTable.of(tuple(known)), out, strange, self.reject)
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
        pack_countries(data, offsets, out, self.reject)
        return out

    def addresses(self, name: str) -> pa.Array:
        """Read IP addresses in their normal form."""
        raw = self.text(name)
        offsets, data = string_buffers(raw)
        strange = np.empty(self.n, np.int32)
        count = find_not_ipv4(data, offsets, strange)
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
        word_flags(data, kind, begin, size, WordTable.of(tuple(codes(vocabulary))), MAX_LIST_ITEMS, out, self.reject)
        return out

    def times(self, name: str, *, required: bool = False) -> Ints:
        """Read RFC 3339 text or epoch numbers as µs."""
        data, kind, begin, size = self._cell(name)
        out = np.empty(self.n, np.int64)
        read_times(data, kind, begin, size, required, out, self.reject)
        return out

    def integers(self, name: str, low: float, high: float, null: float) -> Ints:
        """Read integers from `low` to `high`, or booleans as 0 and 1 where `high` is 1."""
        data, kind, begin, size = self._cell(name)
        out = np.empty(self.n, np.int64)
        read_integers(data, kind, begin, size, int(low), int(high), int(null), out, self.reject)
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
        count = read_decimals(data, kind, begin, size, null, out, doubtful, self.reject)
        for row in doubtful[:count]:
            out[row] = float(self._word(name, row))
        self.reject[(kind != NONE) & ~((out >= low) & (out <= high))] = 1
        return out

    def lists(self, name: str, max_items: int, *, split: bool) -> pa.Array:
        """Read lists of strings; a single string counts as one item, or is split at spaces."""
        data, kind, begin, size = self._cell(name)
        totals = np.zeros(2, np.int64)
        measure_lists(data, kind, begin, size, max_items, split, totals, self.reject)
        rows, items = np.empty(self.n + 1, np.int32), np.empty(totals[0] + 1, np.int32)
        out = np.empty(totals[1], np.uint8)
        copy_lists(data, kind, begin, size, split, rows, items, out)
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
