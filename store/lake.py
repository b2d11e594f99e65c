"""The event lake: Parquet files by day and hour of event time, and the list in the store of those that count.

A file is written once and never changed. It counts from the transaction on that lists it, which is the checkpoint's: so
a crash leaves files that nothing lists, and the rows in them are read from the source and written again.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, delete, insert, select

from schemas.stated import INSTANT, STATED
from store.engine import Database
from store.errors import StoreError
from store.lease import guard
from store.models import LAKE, LAKE_SEGMENTS
from store.sql import batches

HOUR: Final = 3_600_000_000
ROW_GROUP: Final = 100_000
SCHEMA: Final = pa.schema(
    [
        ("arrival", pa.int64()),
        ("partition", pa.int32()),
        ("record_time", INSTANT),
        ("watermark", pa.int64()),
        *STATED,
    ]
)
"""Columns of a file.

- `arrival`: number of the event in the order in which the worker took events in; rises, with gaps.
- `partition`, `record_time`: of its record at the source.
- `watermark`: up to which event time, µs, everything was judged when it came; -1 at the start. Makes it late or not.
- the others: the event (`schemas.stated`).
"""
_RARELY_TWICE: Final = {
    "arrival",
    "record_time",
    "event_id",
    "time",
    "iat",
    "nbf",
    "exp",
    "idle_exp",
    "vendor_event_id",
}
_DICTIONARY: Final = [name for name in SCHEMA.names if name not in _RARELY_TWICE]
_FILE: Final = re.compile(r"day=\d{4}-\d\d-\d\d/hour=\d\d/\d+-\d+\.parquet")


class LakeError(StoreError):
    """A file of the lake cannot be written or read."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: its name within the store's folder, its event hour (start, µs), size, and the ranges of its rows."""

    name: str
    hour: int
    rows: int
    octets: int
    first_time: int
    last_time: int
    first_arrival: int
    last_arrival: int


@dataclass(frozen=True, slots=True)
class LakeChange:
    """What a checkpoint does to the list: segments that count from now on, and those that no longer do."""

    added: Sequence[Segment] = ()
    dropped: Sequence[Segment] = ()


@dataclass(frozen=True, slots=True)
class LakeFolder:
    """The files of one store.

    Raises:
        LakeError: from every method: the folder cannot be written or read.
    """

    folder: Path

    def write(self, table: pa.Table, hour: int, label: str) -> Segment:
        """Write rows of one hour as a durable file.

        Args:
            table: of the schema `SCHEMA`, in order of arrival, at least one row.
            hour: start of the hour, µs.
            label: `epoch-number`, never used before for this hour.
        """
        name = f"{datetime.fromtimestamp(hour // 1_000_000, UTC):day=%Y-%m-%d/hour=%H}/{label}.parquet"
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                pq.write_table(
                    table,
                    file,
                    row_group_size=ROW_GROUP,
                    compression="zstd",
                    compression_level=1,
                    use_dictionary=_DICTIONARY,
                )
                file.flush()
                os.fsync(file.fileno())
                octets = file.tell()
            _sync(path.parent)
        except OSError as error:
            raise LakeError(
                f"cannot be written: {error.strerror}",
                place=str(path),
                next_step="free space or mend its rights; [lake] enabled = false goes on without it",
            ) from error
        times, arrivals = table["time"].cast(pa.int64()).to_numpy(), table["arrival"].to_numpy()
        ranges = (int(times.min()), int(times.max()), int(arrivals.min()), int(arrivals.max()))
        return Segment(name, hour, table.num_rows, octets, *ranges)

    def read(self, segments: Iterable[Segment]) -> pa.Table:
        """Read whole files, rows in order of arrival."""
        try:
            tables = [pq.read_table(self.folder / segment.name, partitioning=None) for segment in segments]
        except (OSError, pa.ArrowInvalid) as error:
            raise LakeError(
                f"cannot be read: {error}", place=str(self.folder), next_step="restore it from a backup"
            ) from error
        return pa.concat_tables(tables).unify_dictionaries().sort_by("arrival")

    def path(self, segment: Segment) -> Path:
        """Where a file lies."""
        return self.folder / segment.name

    def drop(self, names: Iterable[str]) -> None:
        """Delete files, and folders that are empty then."""
        for name in names:
            path = self.folder / name
            path.unlink(missing_ok=True)
            for parent in (path.parent, path.parent.parent):
                if parent.is_dir() and not any(parent.iterdir()):
                    parent.rmdir()

    def sweep(self, listed: Collection[str]) -> None:
        """Delete the files that nothing lists: what a crash left. Only for a worker that just took over."""
        found = (str(path.relative_to(self.folder)) for path in self.folder.glob("day=*/hour=*/*.parquet"))
        self.drop([name for name in found if _FILE.fullmatch(name) and name not in listed])


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class LakeList:
    """The list of files that count."""

    database: Database

    def folder(self) -> str | None:
        """Name the folder of this store; None before its first worker with a lake."""
        with self.database.read() as connection:
            found: str | None = connection.execute(select(LAKE.c.folder)).scalar()
        return found

    def claim(self, epoch: int) -> str:
        """Name the folder of this store, and choose the name if it has none.

        Raises:
            LeadershipLostError: another worker leads.
        """
        with self.database.write() as connection:
            guard(connection, epoch)
            found = connection.execute(select(LAKE.c.folder)).scalar()
            if found is None:
                found = secrets.token_hex(8)
                connection.execute(insert(LAKE), {"id": 1, "folder": found})
        return str(found)

    def segments(self, since: int | None = None, until: int | None = None) -> list[Segment]:
        """Give the files with events from `since` on and before `until`, µs, by hour and first arrival."""
        table = LAKE_SEGMENTS.c
        wanted = select(LAKE_SEGMENTS).order_by(table.hour, table.first_arrival)
        if since is not None:
            wanted = wanted.where(table.last_time >= since)
        if until is not None:
            wanted = wanted.where(table.first_time < until)
        with self.database.read() as connection:
            return [Segment(**row) for row in connection.execute(wanted).mappings()]


def apply(connection: Connection, change: LakeChange) -> None:
    """Change the list, within the transaction of a checkpoint."""
    for part in batches([segment.name for segment in change.dropped]):
        connection.execute(delete(LAKE_SEGMENTS).where(LAKE_SEGMENTS.c.name.in_(part)))
    if change.added:
        connection.execute(insert(LAKE_SEGMENTS), [asdict(segment) for segment in change.added])
