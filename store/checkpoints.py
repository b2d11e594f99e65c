"""Checkpoints: one transaction moves the pointer, the offsets, the small state and the per-minute totals together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from schemas.coverage import Filled
from store.engine import Database, clock
from store.lake import LakeChange, apply
from store.lease import guard
from store.models import CHECKPOINT_PARTS, CHECKPOINTS, DEAD_LETTER_COUNTS, ROLLUPS, SOURCE_FIELDS
from store.sql import upsert

KEPT: Final = 3
"""Checkpoints kept: when a chunk of the newest is damaged, the worker starts from the one before."""
FIELDS_KEPT: Final = 30 * 86_400_000_000
"""How long it is known which fields a source filled in, µs."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All a worker needs to go on as if nothing had happened.

    Attributes:
        seq: rises by one with each checkpoint.
        config_digest: of the parameters the state was built with.
        manifest: JSON: names, sizes and digests of the durable state chunks.
        offsets: JSON: per source and partition, where to read on, and its watermark.
        parts: state small enough to live in the database, by name.
        epoch, created_at: set when it is committed (leader's epoch; database's clock, µs).
    """

    seq: int
    config_digest: str
    manifest: Mapping[str, Any]
    offsets: Mapping[str, Any]
    parts: Mapping[str, bytes] = field(default_factory=dict)
    epoch: int = 0
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class Rollup:
    """Total of one value of one dimension (`type`, `reason`, `client`, `country`) in one minute of event time.

    `minute`: its start, µs. `key`: signed 64 bits, one a value within its dimension; `value` is how it is shown.
    A total, not an increment: after a restart the same totals are written again.
    """

    minute: int
    dimension: str
    key: int
    value: str
    count: int


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """Total of refused records by reason in one minute, µs; which clock is the engine's choice."""

    minute: int
    reason: str
    count: int


class Checkpoints:
    """Writes and reads checkpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def commit(
        self,
        checkpoint: Checkpoint,
        epoch: int,
        *,
        rollups: Iterable[Rollup] = (),
        dead_letters: Iterable[DeadLetterCount] = (),
        filled: Sequence[Filled] = (),
        lake: LakeChange | None = None,
    ) -> None:
        """Make this the state to start from, set the totals, list the lake's files; drop all but the newest `KEPT`.

        A checkpoint of the same or a later `seq` (of a newer state that turned out damaged) is replaced.

        Raises:
            LeadershipLostError: another worker leads; nothing was kept.
            StoreUnavailableError: the database does not answer; nothing was kept.
        """
        with self._database.write() as connection:
            guard(connection, epoch)
            outdated = (CHECKPOINTS.c.seq >= checkpoint.seq) | (CHECKPOINTS.c.seq <= checkpoint.seq - KEPT)
            connection.execute(delete(CHECKPOINTS).where(outdated))
            _insert(connection, checkpoint, epoch)
            upsert(connection, ROLLUPS, [asdict(rollup) for rollup in rollups], keep={"value"})
            upsert(connection, DEAD_LETTER_COUNTS, [asdict(count) for count in dead_letters])
            if filled:
                upsert(connection, SOURCE_FIELDS, [asdict(total) for total in filled])
                kept = max(total.hour for total in filled) - FIELDS_KEPT
                connection.execute(delete(SOURCE_FIELDS).where(SOURCE_FIELDS.c.hour < kept))
            if lake is not None:
                apply(connection, lake)

    def newest_first(self) -> Iterator[Checkpoint]:
        """Read the stored checkpoints, each in a transaction of its own, newest first."""
        with self._database.read() as connection:
            numbers = connection.execute(select(CHECKPOINTS.c.seq).order_by(CHECKPOINTS.c.seq.desc())).scalars().all()
        for seq in numbers:
            with self._database.read() as connection:
                row = connection.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.seq == seq)).mappings().one()
                wanted = select(CHECKPOINT_PARTS.c.name, CHECKPOINT_PARTS.c.data).where(CHECKPOINT_PARTS.c.seq == seq)
                parts = {part.name: bytes(part.data) for part in connection.execute(wanted)}
            yield Checkpoint(**row, parts=parts)


def _insert(connection: Connection, checkpoint: Checkpoint, epoch: int) -> None:
    row = {
        "seq": checkpoint.seq,
        "epoch": epoch,
        "created_at": connection.execute(select(clock())).scalar_one(),
        "config_digest": checkpoint.config_digest,
        "manifest": dict(checkpoint.manifest),
        "offsets": dict(checkpoint.offsets),
    }
    connection.execute(insert(CHECKPOINTS), row)
    parts = [{"seq": checkpoint.seq, "name": name, "data": data} for name, data in checkpoint.parts.items()]
    if parts:
        connection.execute(insert(CHECKPOINT_PARTS), parts)
