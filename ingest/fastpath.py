"""Many JSON records to `Events` at once, for all records that are plainly valid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import annotated_types
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic.fields import FieldInfo

from ingest.derived import Columns, Deriver
from ingest.kernels.batches import join_payloads
from ingest.kernels.cells import NON_ASCII, NONE, UNSURE
from ingest.payloads import Payloads
from ingest.privacy import Secrets
from ingest.readers import Reader
from ingest.scanner import ENVELOPE_FIELD, FIELD_INDEX, scan
from schemas.columns import COLUMNS, LIST_FIELDS, MARKERS
from schemas.events import TokenEvent
from schemas.fields import (
    MAX_ACTORS,
    MAX_ID_BYTES,
    MAX_LIST_ITEMS,
    Code,
    Country,
    Flags,
    Key,
    Text,
    Time,
)
from schemas.frame import Events
from schemas.frame import Text as EventText


def _bounds(field: FieldInfo) -> tuple[float, float]:
    """Smallest and largest value of a number, as the contract states them."""
    low, high = -np.inf, np.inf
    for constraint in field.metadata:
        match constraint:
            case annotated_types.Ge(ge=int() | float() as value):
                low = value
            case annotated_types.Gt(gt=int() | float() as value):
                low = float(np.nextafter(value, np.inf))
            case annotated_types.Le(le=int() | float() as value):
                high = value
            case annotated_types.Lt(lt=int() as value):
                high = value - 1
    return low, high


_BOUNDS: Final = {name: _bounds(field) for name, field in TokenEvent.model_fields.items()}
_LOOK_AHEAD: Final = 16
_MAX_ITEMS: Final = {"actor": MAX_ACTORS}
_SPLIT_FIELDS: Final = frozenset({"scope", "requested_scope", "required_scope"})


@dataclass(frozen=True, slots=True)
class Joined:
    """Payloads in one buffer, each followed by a NUL: `data[starts[i]:ends[i]]`."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, payloads: Payloads) -> Joined:
        """Copy the payloads together. The NUL is the scanner's stop; a few more let it look ahead."""
        ends = np.cumsum(payloads.sizes + 1) - 1
        starts = ends - payloads.sizes
        data = np.empty(int(payloads.sizes.sum()) + len(payloads) + _LOOK_AHEAD, np.uint8)
        join_payloads(payloads.data, payloads.begins, starts, ends, data)
        data[-_LOOK_AHEAD:] = 0
        return cls(data, starts, ends)


@dataclass(frozen=True, slots=True)
class Read:
    """What the fast path made of n payloads.

    Attributes:
        events: the accepted ones, in order.
        accepted: bool, shape (n,). The others are for the contract to judge.
        enveloped: bool, shape (n,): carries the mark of a structured CloudEvent.
        unknown_fields: members of the accepted ones that are no event field, in total.
        unknown_names: a sample of their names.
        unknown_words: how many words of the accepted ones are outside their open vocabulary, by field.
    """

    events: Events
    accepted: npt.NDArray[np.bool_]
    enveloped: npt.NDArray[np.bool_]
    unknown_fields: int
    unknown_names: set[str]
    unknown_words: dict[str, int]


class FastPath:
    """Reads batches of payloads into columns. Holds no state between batches."""

    def __init__(self, secrets: Secrets) -> None:
        self._deriver = Deriver(secrets)

    def read(self, joined: Joined, payloads: Payloads) -> Read:
        """Read the payloads that are plainly valid. The joined bytes are changed in place."""
        cells = scan(joined.data, joined.starts, joined.ends)
        enveloped = cells.kind[FIELD_INDEX[ENVELOPE_FIELD]] != NONE
        reader = Reader(cells)
        reader.reject[(cells.status & UNSURE != 0) | enveloped] = 1
        for row in np.flatnonzero(cells.status & NON_ASCII):
            reader.reject[row] |= not _is_utf8(payloads[int(row)] or b"")
        columns, text = _read_fields(reader)
        accepted = reader.reject == 0
        if not accepted.all():
            rows = np.flatnonzero(accepted)
            columns = {name: column[rows] for name, column in columns.items()}
            text = {name: array.take(pa.array(rows)) for name, array in text.items()}
        n = int(np.count_nonzero(accepted))
        events = self._events(columns, text, n) if n else Events.empty()
        return Read(
            events,
            accepted,
            enveloped,
            int(cells.unknown[accepted].sum()),
            {name.decode("utf-8", "replace") for row, name in cells.unknown_names if accepted[row]},
            {name: int(accepted[rows].sum()) for name, rows in reader.unknown_words.items()},
        )

    def _events(self, columns: Columns, text: dict[str, pa.Array], n: int) -> Events:
        self._deriver.derive(columns, text, n)
        return Events(n, columns, EventText.of(pa.table(text)))


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_fields(reader: Reader) -> tuple[Columns, dict[str, pa.Array]]:
    columns: Columns = {}
    text: dict[str, pa.Array] = {}
    for name, marker in MARKERS.items():
        if name not in reader.seen and not TokenEvent.model_fields[name].is_required():
            continue
        match marker:
            case Text() | Key() | Country():
                text[name] = _read_text(reader, name, marker)
            case _:
                columns[name] = _read_column(reader, name, marker)
    if "country" in text:
        columns["country"] = reader.countries(text["country"])
    return columns, text


def _read_text(reader: Reader, name: str, marker: Text | Key | Country) -> pa.Array:
    if name in LIST_FIELDS:
        return reader.lists(name, _MAX_ITEMS.get(name, MAX_LIST_ITEMS), split=name in _SPLIT_FIELDS)
    if name == "event_id":
        return reader.text(name, max_bytes=MAX_ID_BYTES, required=True)
    if marker != Text(verbatim=True):
        reader.blank_placeholders(name)
    if name == "ip":
        return reader.addresses(name)
    return reader.text(name, max_bytes=MAX_ID_BYTES if isinstance(marker, Key) else 0)


def _read_column(reader: Reader, name: str, marker: object) -> npt.NDArray[Any]:
    (low, high), column = _BOUNDS[name], COLUMNS[name]
    match marker:
        case Time():
            return reader.times(name, required=TokenEvent.model_fields[name].is_required())
        case Code(vocabulary=vocabulary, closed=closed):
            return reader.codes(name, vocabulary, closed=closed)
        case Flags(vocabulary=vocabulary):
            return reader.flags(name, vocabulary)
    if column.dtype.kind == "f":
        return reader.decimals(name, low, high, column.null)
    if TokenEvent.model_fields[name].annotation == bool | None:
        return reader.booleans(name, column.null).astype(column.dtype)
    return reader.integers(name, low, high, column.null).astype(column.dtype)
