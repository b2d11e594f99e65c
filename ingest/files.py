"""File source: records of plain and packed files, directories and standard input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from ingest.lines import STDIN, DamagedInputError, growing, lines, opened, position, unpacked
from ingest.payloads import Payloads
from ingest.records import DeadLetter, DeadReason, RawRecords
from schemas.columns import NULL_TIME

BATCH_ROWS: Final = 20_000
MAX_DOCUMENT_BYTES: Final = 512 << 20
_DOCUMENT: Final = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_BLANK: Final = (b"", b"\r")


@dataclass(slots=True)
class FileInput:
    """One file, or standard input (`-`).

    Attributes:
        name: path as shown in dead letters.
        index: its `partition` in the records.
        bytes_read, bytes_total: progress in packed bytes; the total of standard input is unknown (0).
        faults: what could not be read, as dead letters; filled while reading.
    """

    name: str
    index: int = 0
    bytes_read: int = 0
    bytes_total: int = 0
    faults: list[DeadLetter] = field(default_factory=list)

    def batches(self, rows: int = BATCH_ROWS, stopped: Callable[[], bool] | None = None) -> Iterator[RawRecords]:
        """Yield the records in batches of at most `rows`.

        Args:
            rows: upper bound of a batch.
            stopped: follow the growing file until this says so; a batch is then whatever has arrived.
        """
        line = 1
        with opened(self.name) as file:
            chunks = self._intact(unpacked(file)) if stopped is None else growing(self.name, file, stopped)
            for found in _grouped(self._records(chunks), rows, flush=stopped is not None):
                self.bytes_read = self.bytes_total and position(file)
                yield self._batch(found, line)
                line += len(found)

    @property
    def once(self) -> bool:
        """Whether it is a stream, which cannot be read a second time."""
        return self.name == STDIN or not Path(self.name).is_file()

    def _intact(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Give what comes before the damage."""
        try:
            yield from chunks
        except DamagedInputError as error:
            self.faults.append(self._fault(str(error)))

    def _records(self, chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
        """Yield records; a `{"Records": […]}` document is taken apart."""
        first = next(chunks, b"")
        if _DOCUMENT.match(first):
            yield self._document(first, chunks)
            return
        yield from lines(_chained(first, chunks))

    def _document(self, first: bytes, chunks: Iterator[bytes]) -> list[bytes]:
        content = bytearray(first)
        for chunk in chunks:
            content += chunk
            if len(content) > MAX_DOCUMENT_BYTES:
                self.faults.append(self._fault(f"the document has more than {MAX_DOCUMENT_BYTES} bytes"))
                return []
        try:
            documents = [orjson.loads(content)]
        except orjson.JSONDecodeError as error:
            documents = self._documents_by_line(bytes(content), str(error))
        return [orjson.dumps(record) for document in documents for record in _records_of(document)]

    def _documents_by_line(self, content: bytes, error: str) -> list[object]:
        """Read a document on each line; a file that is none of that is a fault."""
        try:
            return [orjson.loads(line) for line in content.splitlines() if line.strip()]
        except orjson.JSONDecodeError:
            self.faults.append(self._fault(f"the document is not JSON: {error}"))
            return []

    def _batch(self, found: Sequence[bytes], line: int) -> RawRecords:
        n = len(found)
        kept = [value for value in found if value not in _BLANK]
        numbers = np.arange(line, line + n, dtype=np.int64)
        if len(kept) < n:
            numbers = numbers[[value not in _BLANK for value in found]]
        n = len(kept)
        partition = np.full(n, self.index, np.int32)
        return RawRecords(Payloads.of(kept), self.name, numbers, partition, np.full(n, NULL_TIME, np.int64))

    def _fault(self, detail: str) -> DeadLetter:
        return DeadLetter(DeadReason.TRUNCATED_FILE, f"{self.name}: {detail}", None, self.name, self.index, 0)


def _records_of(document: object) -> list[object]:
    records = document.get("Records") if isinstance(document, dict) else None
    return records if isinstance(records, list) else [document]


def _chained(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _grouped(found: Iterator[list[bytes]], rows: int, *, flush: bool) -> Iterator[list[bytes]]:
    """Cut lists of records into batches of `rows`; `flush` gives out what is there instead of waiting for more."""
    held: list[bytes] = []
    for records in found:
        held += records
        full = len(held) - len(held) % rows
        yield from (held[start : start + rows] for start in range(0, full, rows))
        held = held[full:]
        if flush and held:
            yield held
            held = []
    if held:
        yield held


def find_inputs(paths: Sequence[str]) -> list[FileInput]:
    """Expand directories into their files, recursively and in a fixed order.

    Raises:
        FileNotFoundError: a path does not exist, or a directory holds no file.
    """
    names: list[str] = []
    for text in paths:
        path = Path(text)
        if text == STDIN or (path.exists() and not path.is_dir()):
            names.append(text)
            continue
        inside = sorted(str(file) for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        if not inside:
            raise FileNotFoundError(f"{text}: no such file, or no file inside")
        names += inside
    sizes = [0 if name == STDIN else Path(name).stat().st_size for name in names]
    return [FileInput(name, index, 0, size) for index, (name, size) in enumerate(zip(names, sizes, strict=True))]
