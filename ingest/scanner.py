"""Where the values of the event fields stand in many JSON records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.kernels.cells import Bytes, Ints, Positions
from ingest.kernels.scan import scan_records
from ingest.kernels.words import WordTable
from schemas.events import TokenEvent

ENVELOPE_FIELD: Final = "specversion"
FIELDS: Final = (*TokenEvent.model_fields, ENVELOPE_FIELD)
FIELD_INDEX: Final = {name: index for index, name in enumerate(FIELDS)}
_NAMES: Final = WordTable.of(FIELDS)
MAX_UNKNOWN_SAMPLED: Final = 256


@dataclass(frozen=True, slots=True)
class Cells:
    """What the scanner found in n records.

    Attributes:
        data: the joined bytes, with escapes resolved in place.
        kind: uint8, shape (fields, n): see `ingest.kernels.cells`.
        begin, size: int32, shape (fields, n). A string's bytes; the text of a number; of a list `begin` is where its
            packed items (two bytes of length, then the bytes) start and `size` how many there are.
        status: uint8, shape (n,), bits `UNSURE` and `NON_ASCII`.
        unknown: int32, shape (n,): members that are no event field.
        unknown_names: a sample of (row, name) of them.
    """

    data: Bytes
    kind: Bytes
    begin: Positions
    size: Positions
    status: Bytes
    unknown: Positions
    unknown_names: list[tuple[int, bytes]]


def scan(data: Bytes, starts: Ints, ends: Ints) -> Cells:
    """Scan records `data[starts[i]:ends[i]]`, each followed by a NUL. `data` is changed in place."""
    n = len(starts)
    # Fresh zeroed pages cost nothing until touched, so absent fields are free.
    kind = np.zeros((len(FIELDS), n), np.uint8)
    begin, size = np.empty((len(FIELDS), n), np.int32), np.empty((len(FIELDS), n), np.int32)
    status = np.zeros(n, np.uint8)
    unknown = np.zeros(n, np.int32)
    sample = np.empty((MAX_UNKNOWN_SAMPLED, 3), np.int64)
    sampled = scan_records(data, starts, ends, _NAMES, kind, begin, size, status, unknown, sample)
    names = [(int(row), data[at:end].tobytes()) for row, at, end in sample[:sampled]]
    return Cells(data, kind, begin, size, status, unknown, names)
