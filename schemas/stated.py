"""What events state, as an Arrow table that other tools can read: words for codes, instants for times, no hashes.

Columns that follow from these (`schemas.columns.DERIVED`, keys) are left out: they depend on a secret, and whoever
reads the table derives them again.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.columns import COLUMNS, MARKERS
from schemas.fields import Code, Flags, Number, Time, pack_country
from schemas.frame import TEXT_SCHEMA, Events

Columns = dict[str, npt.NDArray[Any]]

INSTANT: Final = pa.timestamp("us", "UTC")
_WORDS: Final = {
    name: tuple(member.value for member in marker.vocabulary)
    for name, marker in MARKERS.items()
    if isinstance(marker, Code | Flags)
}
_SETS: Final = {
    name: [" ".join(word for bit, word in enumerate(words) if mask >> bit & 1) for mask in range(256)]
    for name, words in _WORDS.items()
    if isinstance(MARKERS[name], Flags)
}


def _type(name: str) -> pa.DataType:
    match MARKERS[name]:
        case Time():
            return INSTANT
        case Number():
            return pa.from_numpy_dtype(COLUMNS[name].dtype)
        case Code() | Flags():
            return pa.dictionary(pa.int16(), pa.string())
    return TEXT_SCHEMA.field(name).type


STATED: Final = pa.schema([*((name, _type(name)) for name in MARKERS), ("leaked", pa.bool_())])
"""Every field of an event in its order, and whether a raw token stood in the record."""


def stated(events: Events) -> pa.Table:
    """Give the events as a table of the schema `STATED`, in their order."""
    shown = {name for table in events.text.tables for name in table.column_names}
    texts = events.text.gather(columns=[name for name in TEXT_SCHEMA.names if name in shown])
    arrays = [texts[field.name] if field.name in shown else _array(events, field.name, field.type) for field in STATED]
    return pa.Table.from_arrays(arrays, schema=STATED)


def _array(events: Events, name: str, kind: pa.DataType) -> pa.Array:
    column = events.columns.get(name)
    if column is None or name in TEXT_SCHEMA.names:
        return pa.array(np.zeros(len(events), np.bool_)) if name == "leaked" else pa.nulls(len(events), kind)
    if name == "leaked":
        return pa.array(column)
    null = COLUMNS[name].null
    absent = np.isnan(column) if null != null else column == null  # noqa: PLR0124 - NaN
    match MARKERS[name]:
        case Time():
            return pa.array(column, mask=absent).view(INSTANT)
        case Code() | Flags():
            words = _SETS.get(name, _WORDS[name])
            codes = pa.array(column.astype(np.int16), mask=absent)
            return pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string()))
    return pa.array(column, mask=absent)


def columns_of(table: pa.Table) -> tuple[Columns, dict[str, pa.Array]]:
    """Undo `stated`: numeric columns and text of the fields that some row fills; derived columns are for the caller.

    Args:
        table: any columns of `STATED`, in any order; words may be plain strings.
    """
    filled = [name for name in table.column_names if name in STATED.names and table[name].null_count < table.num_rows]
    text = {name: table[name].combine_chunks().cast(TEXT_SCHEMA.field(name).type) for name in filled if _is_text(name)}
    columns = {name: _column(name, table[name]) for name in filled if not _is_text(name)}
    if "country" in text:
        columns["country"] = _each(text["country"], pack_country, np.int16, 0)
    if "leaked" in columns and not columns["leaked"].any():
        del columns["leaked"]
    return columns, text


def _is_text(name: str) -> bool:
    return name in TEXT_SCHEMA.names


def _column(name: str, array: pa.ChunkedArray) -> npt.NDArray[Any]:
    if name == "leaked":
        return np.asarray(array.to_numpy())
    column = COLUMNS[name]
    match MARKERS[name]:
        case Time():
            values = array.cast(INSTANT).cast(pa.int64())
        case Code():
            values = pc.index_in(array.cast(pa.string()), pa.array(_WORDS[name]))
        case Flags():
            values = pc.index_in(array.cast(pa.string()), pa.array(_SETS[name]))
        case _:
            values = array
    return np.asarray(values.fill_null(column.null).to_numpy()).astype(column.dtype)


def _each(array: pa.Array, read: Any, dtype: Any, null: int) -> npt.NDArray[Any]:  # noqa: ANN401 - one function for any dtype
    coded = array.dictionary_encode()
    values = np.array([*(read(word) for word in coded.dictionary.to_pylist()), null], dtype)
    picked: npt.NDArray[Any] = values[coded.indices.fill_null(len(values) - 1).to_numpy()]
    return picked
