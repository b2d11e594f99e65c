"""The one read service over the event lake: which events, of whom, when. Bounded rows; values never become SQL.

DuckDB reads only files that the store lists, in parts of its own process: no network, no extension, no other file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import IPv6Network, ip_network
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import duckdb
import pyarrow as pa

from schemas.fields import EPOCH, MICROSECOND
from schemas.vocabulary import EntityType
from store.engine import Database
from store.lake import SCHEMA, LakeError, LakeFolder, LakeList, Segment
from store.queries import MAX_ROWS

MAX_EVENTS: Final = 2_000
"""Most events that one question gives for a chart or a table of totals."""
MAX_IDS: Final = 100
THREADS: Final = 2
MEMORY: Final = "1GB"
BATCH: Final = 20_000
_TRIES: Final = 3

EventRow: TypeAlias = dict[str, Any]
"""Fields of `SCHEMA` by name; times as instants."""

FILTERS: Final = (
    *("type", "outcome", "reason", "sub", "login", "client_id", "token_id", "family_id", "session_id"),
    *("ip", "asn", "country", "device_id", "ja4", "key_id", "tenant", "iss", "source", "event_id"),
)
"""Fields that a hunt may ask for, each by its whole value."""
_COLUMNS: Final[dict[EntityType, tuple[str, ...]]] = {
    EntityType.USER: ("sub", "login"),
    EntityType.CLIENT: ("client_id",),
    EntityType.IP: ("ip",),
    EntityType.TOKEN: ("token_id", "parent_id", "subject_token_id"),
    # A family without an id goes by the token that began it.
    EntityType.FAMILY: ("family_id", "parent_id", "token_id"),
    EntityType.SESSION: ("session_id",),
    EntityType.KEY: ("key_id",),
    EntityType.DEVICE: ("device_id", "ja4"),
    EntityType.TENANT: ("tenant",),
}


class EventFilter(NamedTuple):
    """Which events; what is left out does not restrict. `since` on and before `until`, µs of event time."""

    entity: tuple[EntityType, str] | None = None
    fields: Mapping[str, str] = {}
    since: int | None = None
    until: int | None = None


class EventPage(NamedTuple):
    """At most as many rows as were asked for, newest first, and the position to ask for the next ones with."""

    rows: list[EventRow]
    following: tuple[int, int] | None


class Span(NamedTuple):
    """How many events there are, and the times of the first and last, µs; None where there are none."""

    events: int
    first: int | None
    last: int | None


class EventQueries:
    """Read-only questions to the lake of one store.

    Every method raises LakeError where files are missing, StoreUnavailableError while the database does not answer.

    Args:
        database: of the store.
        path: `[lake] path`.
    """

    def __init__(self, database: Database, path: Path) -> None:
        self._list, self._path = LakeList(database), path

    @cached_property
    def _engine(self) -> duckdb.DuckDBPyConnection:
        engine = duckdb.connect(
            config={
                "threads": THREADS,
                "memory_limit": MEMORY,
                "temp_directory": str(Path(gettempdir()) / "tokentrail-lake"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        engine.execute("SET TimeZone = 'UTC'")
        quoted = str(self._path.resolve()).replace("'", "''")
        engine.execute(f"SET allowed_directories = ['{quoted}']")
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
        return engine

    def events(
        self, where: EventFilter, columns: Sequence[str], *, after: tuple[int, int] | None = None, limit: int = MAX_ROWS
    ) -> EventPage:
        """Give some columns of a page of events, newest first; `after` is the `following` of the page before."""
        limit = min(limit, MAX_ROWS)
        table = self._newest(where, ["arrival", *columns], after, limit + 1)
        rows = table.slice(0, limit).to_pylist()
        more = table.num_rows > limit
        return EventPage(rows, (_micros(rows[-1]["time"]), rows[-1]["arrival"]) if more else None)

    def newest(self, where: EventFilter, columns: Sequence[str]) -> pa.Table:
        """Give some columns of the newest `MAX_EVENTS` events."""
        return self._newest(where, columns, None, MAX_EVENTS)

    def _newest(
        self, where: EventFilter, columns: Sequence[str], after: tuple[int, int] | None, limit: int
    ) -> pa.Table:
        where = where if after is None else where._replace(until=min(where.until or after[0] + 1, after[0] + 1))
        conditions, values = _conditions(where)
        if after is not None:
            conditions.append("(time, arrival) < (?, ?)")
            values += [_instant(after[0]), after[1]]
        order = f"ORDER BY time DESC, arrival DESC LIMIT {limit}"
        chosen = self._ask(f"SELECT time, arrival FROM lake WHERE {_all(conditions)} {order}", values, where)
        if chosen is None or not chosen.num_rows:
            return SCHEMA.empty_table().select(list(columns))
        return self._rows(chosen, [name for name in columns if name in SCHEMA.names], order)

    def _rows(self, chosen: pa.Table, columns: Sequence[str], order: str) -> pa.Table:
        """Read the columns of chosen events: only then, and only from their files, as a search must not carry them."""
        numbers = chosen["arrival"].to_pylist()
        times = [_micros(time) for time in (chosen["time"][-1].as_py(), chosen["time"][0].as_py())]
        where = EventFilter(since=times[0], until=times[1] + 1)
        listed = ", ".join(map(str, map(int, numbers)))
        names = ", ".join(f'"{name}"' for name in columns)
        question = f"SELECT {names} FROM lake WHERE arrival IN ({listed}) {order}"
        found = self._ask(question, [], where, sorted(numbers))
        return SCHEMA.empty_table().select(list(columns)) if found is None else found

    def span(self, where: EventFilter) -> Span:
        """Count events, and say when the first and last were."""
        conditions, values = _conditions(where)
        found = self._ask(f"SELECT count(*), min(time), max(time) FROM lake WHERE {_all(conditions)}", values, where)
        if found is None:
            return Span(0, None, None)
        count, first, last = (column[0].as_py() for column in found.columns)
        return Span(count, *(None if time is None else _micros(time) for time in (first, last)))

    def named(self, event_ids: Sequence[str], since: int, until: int) -> list[EventRow]:
        """Give the events with these ids between two times, µs, both included, oldest first, each once."""
        where = EventFilter(since=since, until=until + 1)
        wanted = list(event_ids[:MAX_IDS])
        conditions, values = _conditions(where)
        conditions.append("event_id IN (SELECT unnest(?))")
        question = f"SELECT * FROM lake WHERE {_all(conditions)} ORDER BY time, arrival LIMIT {MAX_ROWS}"
        found = self._ask(question, [*values, wanted], where) if wanted else None
        rows = [] if found is None else found.to_pylist()
        return list({row["event_id"]: row for row in reversed(rows)}.values())[::-1]

    def segments(self, since: int | None = None, until: int | None = None) -> list[Segment]:
        """Give the files with events of a time, µs."""
        return self._list.segments(since, until)

    def stream(
        self, order: Literal["time", "arrival"], since: int | None = None, until: int | None = None
    ) -> Iterator[pa.Table]:
        """Give all events of a time, µs, batch by batch.

        Args:
            order: `time`, and by arrival where that is equal, one hour after the other; or `arrival`, which needs room
                for what does not fit into the memory on the disk.
            since: first time.
            until: time before which they are.
        """
        segments = self.segments(since, until)
        hours = sorted({it.hour for it in segments}) if order == "time" else [None]
        conditions, values = _conditions(EventFilter(since=since, until=until))
        keys = "time, arrival" if order == "time" else "arrival"
        for hour in hours if segments else []:
            mine = [it for it in segments if hour is None or it.hour == hour]
            cursor = self._engine.cursor()
            question = f"SELECT * FROM {_files(len(mine))} WHERE {_all(conditions)} ORDER BY {keys}"
            with _faults_named(self._path):
                reader = cursor.sql(question, params=[*self._paths(mine), *values]).to_arrow_reader(BATCH)
                for batch in reader:
                    yield pa.Table.from_batches([batch])

    def _ask(
        self, question: str, values: Sequence[object], where: EventFilter, numbers: Sequence[int] | None = None
    ) -> pa.Table | None:
        """Answer from the files of that time, and of these numbers of arrival (rising) if given; None without any.

        Files may be merged away meanwhile.
        """
        for left in reversed(range(_TRIES)):
            segments = [it for it in self.segments(where.since, where.until) if numbers is None or _holds(it, numbers)]
            if not segments:
                return None
            source = f"WITH lake AS (SELECT * FROM {_files(len(segments))}) "
            try:
                with _faults_named(self._path):
                    answer = self._engine.cursor().sql(source + question, params=[*self._paths(segments), *values])
                    return answer.to_arrow_table()
            except LakeError:
                if not left:
                    raise
        return None

    def _paths(self, segments: Sequence[Segment]) -> list[str]:
        folder = LakeFolder((self._path / str(self._list.folder())).resolve())
        return [str(folder.path(segment)) for segment in segments]


def _holds(segment: Segment, numbers: Sequence[int]) -> bool:
    at = bisect_left(numbers, segment.first_arrival)
    return at < len(numbers) and numbers[at] <= segment.last_arrival


def _files(count: int) -> str:
    return f"read_parquet([{', '.join('?' * count)}], hive_partitioning = false)"


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "true"


def _conditions(where: EventFilter) -> tuple[list[str], list[object]]:
    """Conditions with a place for each value, and the values. Only names that stand in this file become SQL."""
    conditions, values = list[str](), list[object]()
    if where.entity is not None:
        text, found = _entity(*where.entity)
        conditions.append(text)
        values += found
    for name, value in where.fields.items():
        if name not in FILTERS:
            raise ValueError(f"no filter {name!r}")
        conditions.append("CAST(asn AS VARCHAR) = ?" if name == "asn" else f'"{name}" = ?')
        values.append(value.upper().removeprefix("AS") if name == "asn" else value)
    for limit, sign in ((where.since, ">="), (where.until, "<")):
        if limit is not None:
            conditions.append(f"time {sign} ?")
            values.append(_instant(limit))
    return conditions, values


def _entity(type_: EntityType, id_: str) -> tuple[str, list[object]]:
    match type_:
        case EntityType.ASN:
            return "asn = ?", [int(number) if (number := id_.upper().removeprefix("AS")).isdecimal() else -1]
        case EntityType.PREFIX:
            beginnings = _beginnings(id_)
            return f"({' OR '.join(['starts_with(ip, ?)'] * len(beginnings))})", list(beginnings)
    names = _COLUMNS[type_]
    return f"({' OR '.join(f'{name} = ?' for name in names)})", [id_] * len(names)


def _beginnings(prefix: str) -> list[str]:
    """How addresses of a /24 or a /48 begin in their normal form."""
    try:
        network = ip_network(prefix)
    except ValueError:
        return [prefix]
    if isinstance(network, IPv6Network):
        groups = network.network_address.exploded.split(":")[:3]
        return list(dict.fromkeys([":".join(f"{int(group, 16):x}" for group in groups) + ":", f"{network}"[:-3]]))
    return [str(network.network_address).rpartition(".")[0] + "."]


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _micros(time: datetime) -> int:
    return (time.astimezone(UTC) - EPOCH) // MICROSECOND


@contextmanager
def _faults_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.PermissionException) as error:
        raise LakeError(
            f"cannot be read: {str(error).splitlines()[0]}",
            place=str(path),
            next_step="see [lake] path, and whether this machine reaches it",
        ) from error
