"""Alerts in a file, one a line; a full one, or that of a day before, is set aside."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import BinaryIO

from alerts.formats import NATIVE, Format
from alerts.sinks import SinkError
from schemas.revisions import StoredRevision


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is set aside as `<name>.<UTC day>.<number>`; nothing is deleted.

    Attributes:
        max_bytes: no file becomes larger, unless a single alert is; None for no bound.
        daily: whether each UTC day, by the wall clock, has a file of its own.
    """

    max_bytes: int | None = None
    daily: bool = False


class FileSink:
    """Appends one line a revision; on disk when `write` returns.

    A line that a crash cut in half is ended first, so that the next one stays readable.

    Args:
        path: of the file that is written.
        form: of the alerts.
        rotation: when it is set aside.
        clock: wall clock, s.
    """

    def __init__(
        self,
        path: Path,
        form: Format = NATIVE,
        rotation: Rotation | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._form = form
        self._rotation = rotation or Rotation()
        self._clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+")
        self._day = _day(clock())
        if self._file.seekable() and self._file.tell():
            # After a restart the day is that of the last write.
            self._day = _day(path.stat().st_mtime)
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def write(self, records: Sequence[StoredRevision]) -> None:
        """Append the revisions."""
        try:
            for revision in records:
                if (record := self._form.record(revision)) is not None:
                    self._room(len(record) + 1).write(record + b"\n")
            self._save()
        except OSError as error:
            raise SinkError(f"{self._path}: {error.strerror}") from error

    def _save(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _room(self, size: int) -> BinaryIO:
        """Give the file that `size` more bytes go to."""
        if self._rotation == Rotation():
            # It may be a pipe, which has no size.
            return self._file
        today, limit = _day(self._clock()), self._rotation.max_bytes
        full = limit is not None and self._file.tell() + size > limit
        if self._file.tell() and (full or (self._rotation.daily and today != self._day)):
            self._set_aside()
        self._day = today
        return self._file

    def _set_aside(self) -> None:
        self._save()
        # It can be away already: the new one could not be opened the last time.
        if self._path.exists():
            self._path.rename(_free(self._path, self._day))
        fresh = self._path.open("ab+")
        self._file.close()
        self._file = fresh
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _free(path: Path, day: str) -> Path:
    names = (path.with_name(f"{path.name}.{day}.{number}") for number in count(1))
    return next(name for name in names if not name.exists())
