"""`Names`: what a key hash stands for, for findings of timers, which have no event to read a name from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from schemas.frame import Events

FIELDS: Final = ("key_id", "client_id", "principal", "issuer_key")
CAPACITY: Final = 100_000
SLICE: Final = 2_000
"""Names written at once: other threads stand still meanwhile."""
_TEXT: Final = {"principal": ("sub", "login"), "issuer_key": ("iss", "tenant")}
_NAMELESS: Final = "unnamed"
"""An issuer that says neither its name nor its tenant's."""

Name = tuple[str, str | None, str | None]
"""Id, tenant, issuer."""


class Names:
    """Directory of the entities seen first, at most `capacity` a field; the longest known leave first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: dict[str, dict[int, Name]] = {field: {} for field in FIELDS}

    def get(self, key: int) -> Name | None:
        """Give the name behind a key hash."""
        return next((names[key] for names in self._known.values() if key in names), None)

    def learn(self, events: Events) -> None:
        """Note the keys, clients, principals and issuers of a batch that are new."""
        for field, known in self._known.items():
            column = events[field]
            new = [key for key in pd.unique(column).tolist() if key and key not in known]
            if new:
                rows = np.flatnonzero(np.isin(column, np.array(new, np.uint64)))
                rows = rows[~pd.Series(column[rows]).duplicated().to_numpy()]
                known.update(zip(column[rows].tolist(), _names(events, field, rows), strict=True))
            while len(known) > self._capacity:
                del known[next(iter(known))]

    def dump(self) -> Callable[[], bytes]:
        """Copy the directory; give what writes the copy, on any thread."""
        copied = {field: known.copy() for field, known in self._known.items()}
        return lambda: b"\n".join(line for field, known in copied.items() for line in _lines(field, known))

    def load(self, data: bytes) -> None:
        """Undo `dump`."""
        self._known = {field: {} for field in FIELDS}
        for line in data.splitlines():
            stored: dict[str, list[Any]] = orjson.loads(line)
            for field, names in stored.items():
                self._known[field].update((key, tuple(name)) for key, name in names)


def _lines(field: str, known: dict[int, Name]) -> Iterator[bytes]:
    items = iter(known.items())
    while names := list(islice(items, SLICE)):
        yield orjson.dumps({field: names})


def _names(events: Events, field: str, rows: npt.NDArray[np.int64]) -> Iterator[Name]:
    fields = _TEXT.get(field, (field,))
    for row in events.text.gather(rows, [*fields, "tenant", "iss"]).to_pylist():
        named = (row[name] for name in fields if row[name] is not None)
        yield next(named, _NAMELESS), row["tenant"], row["iss"]
