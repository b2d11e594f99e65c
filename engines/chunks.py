"""Chunk files: the content of a checkpoint, beside the database that holds the pointer to it.

One file a checkpoint holds Arrow tables and byte strings one after the other. The manifest, which the pointer carries,
names each by file, position, length and checksum, so that unchanged content of older files is used again and a damaged
file is noticed. A file that no kept manifest names is deleted.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from schemas.errors import CheckpointError

SUFFIX: Final = ".chunks"


class Chunk(BaseModel):
    """Where a piece of content lies."""

    model_config = ConfigDict(frozen=True)

    file: str
    start: int
    length: int
    crc32: int


@dataclass(frozen=True, slots=True)
class ChunkFolder:
    """The folder of chunk files of one store.

    Raises:
        CheckpointError: from `read`: the file is missing, short or damaged.
    """

    folder: Path

    def write(self, name: str, contents: Mapping[str, bytes | pa.Buffer]) -> dict[str, Chunk]:
        """Write one durable file of all contents, and give the chunk of each."""
        chunks: dict[str, Chunk] = {}
        path = self.folder / f"{name}{SUFFIX}"
        with path.open("wb") as file:
            for key, content in contents.items():
                chunks[key] = Chunk(file=path.name, start=file.tell(), length=len(content), crc32=zlib.crc32(content))
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._sync_folder()
        return chunks

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, chunk: Chunk) -> bytes:
        """Read one chunk and check it."""
        path = self.folder / chunk.file
        try:
            with path.open("rb") as file:
                file.seek(chunk.start)
                content = file.read(chunk.length)
        except OSError as error:
            raise CheckpointError(f"cannot be read: {error}", place=str(path)) from error
        if len(content) != chunk.length or zlib.crc32(content) != chunk.crc32:
            raise CheckpointError(f"is damaged at byte {chunk.start}", place=str(path))
        return content

    def read_table(self, chunk: Chunk) -> pa.Table:
        """Read one chunk as the Arrow table it holds."""
        return pa.ipc.open_stream(self.read(chunk)).read_all()

    def drop(self, outdated: Iterable[Chunk], kept: Iterable[Chunk]) -> None:
        """Delete the files of outdated chunks that hold no kept one."""
        for name in {chunk.file for chunk in outdated} - {chunk.file for chunk in kept}:
            (self.folder / name).unlink(missing_ok=True)

    def sweep(self, kept: Iterable[Chunk]) -> None:
        """Delete every file that holds no kept chunk: what a crash left. Only for a worker that just took over."""
        named = {chunk.file for chunk in kept}
        for path in self.folder.glob(f"*{SUFFIX}"):
            if path.name not in named:
                path.unlink(missing_ok=True)


def arrow_bytes(table: pa.Table) -> pa.Buffer:
    """Serialise a table for a chunk."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
