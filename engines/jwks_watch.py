"""Watches what issuers publish: a thread for each reads it again and again, and the worker takes it over."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final, Self

from engines.keybook import KeyBook
from ingest.jwks import fetch, read_file
from schemas.errors import SourceError
from schemas.inventory import Listing

LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JwksSource:
    """Where an issuer publishes its keys: a URL, or a file; and how often it is read."""

    tenant: str | None
    iss: str
    place: str | Path
    refresh: timedelta

    def read(self) -> Listing:
        """Read it now. Raises SourceError if that fails."""
        keys = read_file(self.place) if isinstance(self.place, Path) else fetch(self.place)
        return Listing(tenant=self.tenant, iss=self.iss, keys=keys)


@dataclass
class JwksWatch:
    """Reads sources beside a worker that leads, which is inside its context. What cannot be read leaves the last state.

    Attributes:
        sources: what to read.
        book: what takes it over.
    """

    sources: Sequence[JwksSource]
    book: KeyBook
    _read: SimpleQueue[tuple[Listing | BaseException, int]] = field(default_factory=SimpleQueue)
    _ended: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        self.book.reload()
        for source in self.sources:
            Thread(target=self._watch, args=(source,), name="jwks", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def deliver(self, watermark: int) -> None:
        """Let the book take over what was read; `watermark`: events up to it have been judged, µs.

        Raises:
            OSError: it cannot be recorded.
        """
        for _ in range(self._read.qsize()):  # not until it is empty: a worker has more to do
            listing, now = self._read.get()
            if isinstance(listing, BaseException):
                raise listing
            if self.book.adopt(listing, now, watermark):
                LOG.info("%s lists %d keys", listing.iss, len(listing.keys))

    def _watch(self, source: JwksSource) -> None:
        failing = False
        try:
            while not self._ended.is_set():
                try:
                    self._read.put((source.read(), time.time_ns() // 1_000))
                    failing = False
                except SourceError as error:
                    if not failing:
                        LOG.warning("keys of %s stay as they were: %s", source.iss, error)
                    failing = True
                self._ended.wait(source.refresh.total_seconds())
        except BaseException as error:  # noqa: BLE001 - raised again in the worker's thread
            self._read.put((error, 0))
