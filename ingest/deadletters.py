"""Dead letters in a file: one JSON object a line, appended, on disk once flushed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest.records import DeadLetter


class DeadLetterFile:
    """Appends dead letters to a file, with owner-only access: even redacted, they are raw input.

    Delivery is at least once: what was written after the last `flush` may be lost in a crash, and comes again when the
    records are read again. A line that a crash cut in half is closed first, so the next one stays readable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "ab+")
        if size := os.fstat(descriptor).st_size:
            self._file.seek(size - 1)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def write(self, letters: Iterable[DeadLetter]) -> None:
        """Append letters; they are certain to be on disk only after `flush`."""
        self._file.writelines(letter.to_json() + b"\n" for letter in letters)

    def flush(self) -> None:
        """Force everything written to disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
