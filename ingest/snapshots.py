"""The record of what issuers listed when, a JSON object a line: a replay reads what the worker read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from schemas.errors import SourceError
from schemas.inventory import Snapshot


def read_snapshots(path: Path) -> Iterator[Snapshot]:
    """Read the snapshots of a file in order; none, if there is no file. What a crash cut off was never used.

    Raises:
        SourceError: the file cannot be read, or a line is no snapshot.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", place=str(path), next_step="check its rights") from error
    whole, _, _ = content.rpartition(b"\n")
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            yield Snapshot.model_validate_json(line)
        except ValidationError as error:
            raise SourceError(
                f"is no snapshot of keys: {error.error_count()} errors",
                place=f"{path}:{number}",
                next_step="restore the file from a backup, or move it away: replays then miss what it held",
            ) from error


def append_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Append a snapshot; it is on disk afterwards. A line that a crash cut off goes first.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "rb+") as file:
        if size := file.seek(0, os.SEEK_END):
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
                file.seek(0, os.SEEK_END)
        file.write(snapshot.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
