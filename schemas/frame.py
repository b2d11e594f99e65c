"""`Events`: up to about 20 000 token events as columns, the unit of work from decode to alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schemas.columns import COLUMNS, LIST_FIELDS, MARKERS, TEXT_FIELDS
from schemas.fields import Code, Flags, Time, format_time

Array: TypeAlias = npt.NDArray[Any]

TEXT_SCHEMA: Final = pa.schema(
    [(name, pa.list_(pa.string()) if name in LIST_FIELDS else pa.string()) for name in TEXT_FIELDS]
)
"""Arrow schema of the text beside the columns. A table may leave columns out: absent means all null."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of the rows, by reference: row `i` is row `row[i]` of `tables[table[i]]`.

    Reordering moves two integers instead of forty strings; only the rows that are looked at are ever gathered.
    """

    tables: tuple[pa.Table, ...]
    table: Array
    row: Array

    @classmethod
    def of(cls, table: pa.Table) -> Text:
        """Wrap one Arrow table whose columns are a subset of `TEXT_SCHEMA`."""
        n = table.num_rows
        return cls((table,), np.zeros(n, np.int32), np.arange(n, dtype=np.int32))

    def take(self, rows: Array | slice) -> Text:
        """Select rows, keeping only the tables still referred to."""
        table, row = self.table[rows], self.row[rows]
        used = np.flatnonzero(np.bincount(table, minlength=len(self.tables)))
        if len(used) == len(self.tables):
            return Text(self.tables, table, row)
        renumber = np.zeros(len(self.tables), np.int32)
        renumber[used] = np.arange(len(used), dtype=np.int32)
        return Text(tuple(self.tables[i] for i in used), renumber[table], row)

    @classmethod
    def concat(cls, parts: Sequence[Text]) -> Text:
        """Join texts in order."""
        offsets = np.cumsum([0, *(len(part.tables) for part in parts)])
        return cls(
            tuple(table for part in parts for table in part.tables),
            np.concatenate(
                [part.table + np.int32(offset) for part, offset in zip(parts, offsets, strict=False)]
                or [np.empty(0, np.int32)]
            ),
            np.concatenate([part.row for part in parts] or [np.empty(0, np.int32)]),
        )

    def gather(self, rows: Array | None = None, columns: Sequence[str] = TEXT_FIELDS) -> pa.Table:
        """Materialise the text of some rows (all by default) in their order, with exactly the named columns."""
        table, row = (self.table, self.row) if rows is None else (self.table[rows], self.row[rows])
        schema = pa.schema([TEXT_SCHEMA.field(name) for name in columns])
        starts = np.cumsum([0, *(part.num_rows for part in self.tables)])
        if not len(table):
            return schema.empty_table()
        joined = pa.concat_tables([_aligned(part, schema) for part in self.tables])
        return joined.take(pa.array(starts[table] + row))


def _aligned(table: pa.Table, schema: pa.Schema) -> pa.Table:
    present = set(table.column_names)
    return pa.Table.from_arrays(
        [table[f.name].cast(f.type) if f.name in present else pa.nulls(table.num_rows, f.type) for f in schema],
        schema=schema,
    )


@dataclass(frozen=True)
class Events:
    """Token events as columns: `events["time"]` is a NumPy array, one value a row; `COLUMNS` names them all.

    A column that a source never shows is not stored: reading it gives nulls. Treat the arrays as read-only.
    """

    size: int
    columns: Mapping[str, Array]
    text: Text

    def __len__(self) -> int:
        """Number of events."""
        return self.size

    def __getitem__(self, name: str) -> Array:
        """Give one column, shape (n,), nulls filled in where the source has no such field."""
        stored = self.columns.get(name)
        return self._nulls[name] if stored is None else stored

    @cached_property
    def _nulls(self) -> _Nulls:
        return _Nulls(self.size)

    @classmethod
    def empty(cls) -> Events:
        """No events, right dtypes."""
        return cls(0, {}, Text.of(TEXT_SCHEMA.empty_table()))

    def take(self, rows: Array | slice) -> Events:
        """Select rows by index array, boolean mask or slice, in that order."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        text = self.text.take(np.flatnonzero(rows) if isinstance(rows, np.ndarray) and rows.dtype == np.bool_ else rows)
        return Events(len(text.row), columns, text)

    def with_columns(self, **columns: Array) -> Events:
        """Give the same events with some columns set."""
        return Events(self.size, {**self.columns, **columns}, self.text)

    @classmethod
    def concat(cls, parts: Iterable[Events]) -> Events:
        """Join batches in order."""
        kept = [part for part in parts if len(part)]
        if len(kept) <= 1:
            return kept[0] if kept else cls.empty()
        names = dict.fromkeys(name for part in kept for name in part.columns)
        columns = {name: np.concatenate([part[name] for part in kept]) for name in names}
        return cls(sum(map(len, kept)), columns, Text.concat([part.text for part in kept]))

    def to_arrow(self) -> pa.Table:
        """Columns (prefixed `#`) and text as one Arrow table; `from_arrow` reads it back."""
        text = self.text.gather()
        arrays = {f"#{name}": pa.array(column) for name, column in self.columns.items()}
        return pa.table({**arrays, **dict(zip(text.column_names, text.columns, strict=True))})

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Events:
        """Undo `to_arrow`."""
        names = [name for name in table.column_names if name.startswith("#")]
        columns = {name[1:]: table[name].to_numpy() for name in names}
        return cls(table.num_rows, columns, Text.of(table.drop_columns(names)))

    def to_pandas(self) -> pd.DataFrame:
        """Readable frame for the edges (evaluation, training, views): words for codes, timestamps for times."""
        frame: pd.DataFrame = self.text.gather().to_pandas()
        for name, marker in MARKERS.items():
            if name not in frame:
                frame[name] = _readable(self[name], marker)
        return frame[list(MARKERS)]

    def rows(self, rows: Array, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Readable dicts of a few rows, null fields left out; times as RFC 3339."""
        text = self.text.gather(rows, [name for name in columns if name in TEXT_FIELDS]).to_pylist()
        coded = [name for name in columns if name not in TEXT_FIELDS]
        values = {name: _words(self[name][rows], MARKERS[name], COLUMNS[name].null) for name in coded}
        merged = [
            {name: (line[name] if name in line else values[name][i]) for name in columns}
            for i, line in enumerate(text or [{}] * len(rows))
        ]
        return [{name: value for name, value in line.items() if value is not None} for line in merged]


class _Nulls(dict[str, Array]):
    def __init__(self, size: int) -> None:
        self.size = size

    def __missing__(self, name: str) -> Array:
        column = COLUMNS[name]
        array = np.full(self.size, column.null, column.dtype)
        array.flags.writeable = False
        self[name] = array
        return array


def _readable(column: Array, marker: object) -> pd.Series[Any]:
    match marker:
        case Time():
            return pd.Series(column.astype("datetime64[us]")).dt.tz_localize("UTC")
        case Code() | Flags():
            return pd.Series(_words(column, marker, -1), dtype=object)
    return pd.Series(column)


def _words(column: Array, marker: object, null: float) -> list[object]:
    match marker:
        case Time():
            return [None if value == null else format_time(int(value)) for value in column]
        case Code(vocabulary=vocabulary):
            words = [member.value for member in vocabulary]
            return [words[value] if value >= 0 else None for value in column]
        case Flags(vocabulary=vocabulary):
            return [
                [member.value for bit, member in enumerate(vocabulary) if value >> bit & 1] or None for value in column
            ]
    return [None if value == null or value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN
