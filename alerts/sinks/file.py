"""Alerts in a file, one a line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from alerts.formats import NATIVE, Format
from alerts.sinks import SinkError
from schemas.revisions import StoredRevision


class FileSink:
    """Appends one line a revision; on disk when `write` returns.

    A line that a crash cut in half is ended first, so that the next one stays readable.
    """

    def __init__(self, path: Path, form: Format = NATIVE) -> None:
        self._form = form
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+")
        if self._file.seekable() and self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def write(self, records: Sequence[StoredRevision]) -> None:
        """Append the revisions."""
        try:
            written = (self._form.record(revision) for revision in records)
            self._file.writelines(record + b"\n" for record in written if record is not None)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise SinkError(f"{self._file.name}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
