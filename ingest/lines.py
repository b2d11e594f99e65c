"""Lines of one input, whatever it is packed in, in bounded memory."""

from __future__ import annotations

import gzip
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

import zstandard

from schemas.fields import MAX_RECORD_BYTES

STDIN: Final = "-"
_CHUNK_BYTES: Final = 1 << 20
# A few bytes of Zstandard may stand for 128 KiB each, so little is unpacked at a time.
_ZSTD_CHUNK_BYTES: Final = 1 << 11
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_POLL_SECONDS: Final = 0.2


class DamagedInputError(Exception):
    """The packed data of an input ends too early or is damaged; `at` is the byte of the packed file."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(f"{reason} at byte {at} of the packed file")
        self.at = at


@contextmanager
def opened(name: str) -> Iterator[BufferedReader]:
    """Open a file, or standard input for `-`."""
    if name == STDIN:
        yield sys.stdin.buffer  # type: ignore[misc]
        return
    with Path(name).open("rb") as file:
        yield file


def unpacked(file: BufferedReader) -> Iterator[bytes]:
    """Yield the content in chunks; gzip and Zstandard are told by their first bytes, not by the name.

    Raises:
        DamagedInputError: the packed data ends too early or is damaged; all before it has been yielded.
    """
    magic = file.peek(len(_ZSTD_MAGIC))
    if magic.startswith(_GZIP_MAGIC):
        yield from _gunzip(file)
    elif magic.startswith(_ZSTD_MAGIC):
        yield from _unzstd(file)
    else:
        while chunk := file.read1(_CHUNK_BYTES):
            yield chunk


def _gunzip(file: BufferedReader) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as packed:
        while True:
            try:
                chunk = packed.read1(_CHUNK_BYTES)
            except (EOFError, OSError, zlib.error) as error:
                raise DamagedInputError(str(error), position(file)) from error
            if not chunk:
                return
            yield chunk


def _unzstd(file: BufferedReader) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor().decompressobj()
    taken, inside = 0, False
    while packed := file.read1(_ZSTD_CHUNK_BYTES):
        taken += len(packed)
        while packed:
            try:
                chunk = frame.decompress(packed)
            except zstandard.ZstdError as error:
                raise DamagedInputError(str(error), taken) from error
            inside = not frame.eof
            packed = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            if chunk:
                yield chunk
    if inside:
        raise DamagedInputError("the last frame is not complete", taken)


def position(file: BufferedReader) -> int:
    """How far a file has been read; a stream does not know (0)."""
    return file.tell() if file.seekable() else 0


def growing(name: str, file: BufferedReader, stopped: Callable[[], bool]) -> Iterator[bytes]:
    """Yield the content of a file as it grows, until `stopped`; a stream ends when its writer closes it.

    A file that shrank is read from its start; one that was replaced is read on from its successor.
    """
    with ExitStack() as successors:
        while not stopped():
            if chunk := file.read1(_CHUNK_BYTES):
                yield chunk
                continue
            if not file.seekable():
                return
            if successor := _successor(Path(name), file):
                file = successors.enter_context(successor)
            time.sleep(_POLL_SECONDS)


def _successor(path: Path, file: BufferedReader) -> BufferedReader | None:
    """Open what has taken the place of a file; one that shrank is its own successor."""
    try:
        current = path.open("rb")
    except FileNotFoundError:
        return None  # between the two steps of a rotation
    now, then = os.fstat(current.fileno()), os.fstat(file.fileno())
    if now.st_ino != then.st_ino or now.st_dev != then.st_dev or now.st_size < file.tell():
        return current
    current.close()
    return None


def lines(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield lists of lines without their ends.

    A line of more than 64 KiB is cut one byte after that, so that it is refused as too large without being held.
    """
    rest, cutting = b"", False
    for chunk in chunks:
        found = (rest + chunk).split(b"\n")
        rest = found.pop()
        if cutting and found:
            found, cutting = found[1:], False
        if cutting:
            rest = b""
        elif len(rest) > MAX_RECORD_BYTES:
            found, rest, cutting = [*found, rest[: MAX_RECORD_BYTES + 1]], b"", True
        yield found
    if rest:
        yield [rest]
