"""Counts of accepted events per minute of event time, by type, reason, client and country.

The counts are absolute and kept until no late event can change them any more, so writing them again after a restore
repeats them instead of adding to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum, StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert
from detectors.windows import pair_of
from schemas.fields import unpack_country
from schemas.frame import Events
from schemas.vocabulary import EventType, Reason
from store.checkpoints import Rollup

MINUTE: Final = 60_000_000
CLIENTS_A_MINUTE: Final = 1_000
"""More clients than this in one minute are counted together, so that invented clients cannot fill the store."""
OTHER: Final = np.uint64(1)
OTHER_CLIENTS: Final = "(other)"


class Dimension(IntEnum):
    """What a count is by."""

    TYPE = 1
    REASON = 2
    CLIENT = 3
    COUNTRY = 4


_TYPE, _REASON, _CLIENT, _COUNTRY = (np.uint64(dimension) for dimension in Dimension)


def new_table(horizon: int) -> Table:
    """Give the empty counters; a minute is forgotten when it was untouched for `horizon` µs."""
    return Table(
        [("minute", np.int64), ("dimension", np.uint64), ("value", np.uint64), ("count", np.int64)], ttl=horizon
    )


def count(table: Table, events: Events) -> None:
    """Add a batch in order of `order_time`."""
    if len(events):
        # Four counts an event, and one row that counts the clients of the minute.
        view = table.view(5 * len(events), int(events["order_time"][0]))
        columns = (events[name] for name in ("order_time", "time", "type", "reason", "client_id", "country"))
        _count(view, *map(np.ascontiguousarray, columns))


@kernel
def _count(
    table: TableView,
    now: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    types: npt.NDArray[np.int8],
    reasons: npt.NDArray[np.int8],
    clients: npt.NDArray[np.uint64],
    countries: npt.NDArray[np.int16],
) -> None:
    for i in range(times.size):
        minute = times[i] - times[i] % MINUTE
        _add(table, minute, _TYPE, np.uint64(types[i]), now[i])
        if reasons[i] >= 0:
            _add(table, minute, _REASON, np.uint64(reasons[i]), now[i])
        if countries[i] != 0:
            _add(table, minute, _COUNTRY, np.uint64(countries[i]), now[i])
        if clients[i] != 0:
            _add_client(table, minute, clients[i], now[i])


@inner
def _add(table: TableView, minute: int, dimension: np.uint64, value: np.uint64, now: int) -> None:
    slot = upsert(table, _key(minute, dimension, value), now)
    table.rows[slot].minute = minute
    table.rows[slot].dimension = dimension
    table.rows[slot].value = value
    table.rows[slot].count += 1


@inner
def _add_client(table: TableView, minute: int, client: np.uint64, now: int) -> None:
    if lookup(table, _key(minute, _CLIENT, client), now) == NO_SLOT:
        # Dimension 0 counts the distinct clients of a minute.
        slot = upsert(table, _key(minute, np.uint64(0), np.uint64(0)), now)
        if table.rows[slot].count >= CLIENTS_A_MINUTE:
            client = OTHER
        else:
            table.rows[slot].count += 1
    _add(table, minute, _CLIENT, client, now)


@inner
def _key(minute: int, dimension: np.uint64, value: np.uint64) -> np.uint64:
    return pair_of(pair_of(np.uint64(minute), dimension), value)


def rows(changed: pa.Table, client_name: Callable[[int], str]) -> Iterator[Rollup]:
    """Read the rows of `Table.changes` as totals for the store.

    Args:
        changed: changed rows of the table.
        client_name: client key → client id.
    """
    words: dict[int, Callable[[int], str]] = {
        Dimension.TYPE: _word(EventType),
        Dimension.REASON: _word(Reason),
        Dimension.CLIENT: lambda value: OTHER_CLIENTS if value == int(OTHER) else client_name(value),
        Dimension.COUNTRY: lambda value: unpack_country(value) or "",
    }
    for row in changed.select(["key", "minute", "dimension", "value", "count"]).to_pylist():
        if row["key"] and row["dimension"]:
            name = Dimension(row["dimension"]).name.lower()
            key = row["value"] - ((row["value"] >> 63) << 64)
            yield Rollup(row["minute"], name, key, words[row["dimension"]](row["value"]), row["count"])


def _word(vocabulary: type[StrEnum]) -> Callable[[int], str]:
    members = [member.value for member in vocabulary]
    return lambda value: members[value]
