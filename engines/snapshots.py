"""What a checkpoint writes of each state part, and how it is put together again.

Tables: every checkpoint writes the rows that changed (a delta) and, in turn, a few whole blocks; once every block is
newer than a delta the delta is dropped. So a checkpoint costs what changed, plus a fixed share of the whole, and a
restore reads each block once and a bounded number of deltas. Logs (windows, seen ids): every checkpoint appends what
came; pieces older than the oldest needed entry are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol, TypeAlias

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from detectors.tables import Table
from engines.chunks import Chunk, ChunkFolder, arrow_bytes
from schemas.errors import CheckpointError

BLOCK_ROUND: Final = 16
"""Every block is written anew at least once in so many checkpoints, if a delta depends on it."""


class Log(Protocol):
    """A part that only appends: entries with a rising `number`."""

    @property
    def shape(self) -> str:
        """Digest of what the entries mean."""

    @property
    def oldest(self) -> int:
        """Number of the oldest entry still needed."""

    def changes(self) -> pa.Table:
        """Entries since the last call."""

    def restore(self, entries: pa.Table) -> None:
        """Fill an empty part."""


Part = Table | Log
Content: TypeAlias = bytes | pa.Buffer
Blob: TypeAlias = Content | Callable[[], Content]


class Piece(BaseModel):
    """A delta or a block of a table (`checkpoint` that wrote it), or a run of a log (`last` number in it)."""

    model_config = ConfigDict(frozen=True)

    checkpoint: int
    chunk: Chunk
    last: int = -1


class PartManifest(BaseModel):
    """All pieces of one part."""

    model_config = ConfigDict(frozen=True)

    shape: str
    blocks: dict[int, Piece] = {}
    deltas: list[Piece] = []
    runs: list[Piece] = []

    def chunks(self) -> Iterator[Chunk]:
        """Every chunk the part needs."""
        for piece in (*self.blocks.values(), *self.deltas, *self.runs):
            yield piece.chunk


class Manifest(BaseModel):
    """All content of one checkpoint: state parts by name, and whole byte strings (`blobs`)."""

    model_config = ConfigDict(frozen=True)

    checkpoint: int
    parts: dict[str, PartManifest]
    blobs: dict[str, Chunk]

    def chunks(self) -> Iterator[Chunk]:
        """Every chunk the checkpoint needs."""
        yield from self.blobs.values()
        for part in self.parts.values():
            yield from part.chunks()


class Snapshot:
    """What changed since the previous checkpoint, copied out of the live state so that another thread can write it.

    Args:
        checkpoint: number of this checkpoint, rising.
        parts: name → live state part.
        blobs: name → content that is written whole each time, or a function over a copy of it that gives it when called
            on the writing thread.
        previous: manifest of the previous checkpoint, None for the first.
    """

    def __init__(
        self,
        checkpoint: int,
        parts: Mapping[str, Part],
        blobs: Mapping[str, Blob],
        previous: Manifest | None,
    ) -> None:
        self._checkpoint = checkpoint
        self._previous = previous.parts if previous else {}
        self._changed: dict[str, pa.Table] = {}
        self._tables: dict[str, pa.Table | Callable[[], pa.Table]] = {}
        self._shapes = {name: part.shape for name, part in parts.items()}
        self._oldest = {name: part.oldest for name, part in parts.items() if not isinstance(part, Table)}
        self._blobs = blobs
        for name, part in parts.items():
            self._collect(name, part)

    def _collect(self, name: str, part: Part) -> None:
        changed = self._changed[name] = part.changes()
        if changed.num_rows:
            self._tables[f"{name}@changes"] = changed
        if isinstance(part, Table):
            known = self._known(name)
            for number in range(part.blocks):
                if self._due(number, known, changed=bool(changed.num_rows)):
                    self._tables[f"{name}@{number}"] = part.block(number)

    def _known(self, name: str) -> PartManifest:
        known = self._previous.get(name)
        if known is None or known.shape != self._shapes[name]:
            return PartManifest(shape=self._shapes[name])
        return known

    def _due(self, number: int, known: PartManifest, *, changed: bool) -> bool:
        base = known.blocks.get(number)
        if base is None:
            return True
        behind = changed or any(delta.checkpoint > base.checkpoint for delta in known.deltas)
        return behind and (self._checkpoint + number) % BLOCK_ROUND == 0

    def changed(self, name: str) -> pa.Table:
        """Give what changed of one part."""
        return self._changed[name]

    def write(self, folder: ChunkFolder, epoch: int) -> Manifest:
        """Write one durable chunk file and give the manifest of the whole checkpoint.

        The epoch is in the file's name: a former leader that wakes up cannot write over its successor's files.
        """
        contents = {key: arrow_bytes(table() if callable(table) else table) for key, table in self._tables.items()}
        whole = {f"blob/{name}": blob() if callable(blob) else blob for name, blob in self._blobs.items()}
        written = folder.write(f"{epoch}-{self._checkpoint}", contents | whole)
        parts = {name: self._part(name, written) for name in self._shapes}
        blobs = {name: written[f"blob/{name}"] for name in self._blobs}
        return Manifest(checkpoint=self._checkpoint, parts=parts, blobs=blobs)

    def _part(self, name: str, written: Mapping[str, Chunk]) -> PartManifest:
        known = self._known(name)
        fresh = []
        if chunk := written.get(f"{name}@changes"):
            last = self._changed[name]["number"][-1].as_py() if name in self._oldest else -1
            fresh = [Piece(checkpoint=self._checkpoint, chunk=chunk, last=last)]
        if name in self._oldest:
            runs = [piece for piece in (*known.runs, *fresh) if piece.last >= self._oldest[name]]
            return known.model_copy(update={"runs": runs})
        blocks = known.blocks | {
            int(key.rpartition("@")[2]): Piece(checkpoint=self._checkpoint, chunk=chunk)
            for key, chunk in written.items()
            if key.startswith(f"{name}@") and not key.endswith("@changes")
        }
        oldest_block = min((piece.checkpoint for piece in blocks.values()), default=self._checkpoint)
        deltas = [piece for piece in (*known.deltas, *fresh) if piece.checkpoint > oldest_block]
        return known.model_copy(update={"blocks": blocks, "deltas": deltas})


def restore(folder: ChunkFolder, manifest: Manifest, parts: Mapping[str, Part]) -> list[str]:
    """Fill empty live parts from a checkpoint.

    Returns:
        Names of the parts that start cold: new ones, and those whose shape changed with the configuration.

    Raises:
        CheckpointError: a chunk is missing or damaged; the parts are then half filled and must be thrown away.
    """
    cold = []
    for name, part in parts.items():
        stored = manifest.parts.get(name)
        if stored is None or stored.shape != part.shape:
            cold.append(name)
        elif isinstance(part, Table):
            _restore_table(folder, stored, part)
        else:
            runs = [folder.read_table(piece.chunk) for piece in stored.runs]
            if runs:
                part.restore(pa.concat_tables(runs))
    return cold


def _restore_table(folder: ChunkFolder, stored: PartManifest, table: Table) -> None:
    pieces = sorted((*stored.blocks.values(), *stored.deltas), key=lambda piece: piece.checkpoint)
    try:
        for piece in pieces:
            table.apply(folder.read_table(piece.chunk))
    except KeyError as error:
        raise CheckpointError(f"lacks a field: {error}", place=pieces[0].chunk.file) from error
    table.ready()
