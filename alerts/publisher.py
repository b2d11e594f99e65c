"""A publisher follows stored records with a cursor of its own, so one sink's outage delays only that sink."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event
from typing import Final, Generic, Protocol, TypeVar

from alerts.sinks import Sink, SinkError
from schemas.errors import TokentrailError

LOG: Final = logging.getLogger(__name__)

BATCH: Final = 500
PAUSE_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 2.0


class Stored(Protocol):
    """A record with its place in the store."""

    @property
    def cursor(self) -> int:
        """Rises from record to record."""


_T = TypeVar("_T", bound=Stored)
_T_co = TypeVar("_T_co", bound=Stored, covariant=True)


class Feed(Protocol[_T_co]):
    """The stored records in order."""

    def cursor(self, publisher: str) -> int:
        """How far a publisher has come."""

    def after(self, cursor: int, limit: int) -> Sequence[_T_co]:
        """The next records."""

    def advance(self, publisher: str, cursor: int) -> None:
        """Remember how far a publisher has come."""


class Publisher(Generic[_T]):
    """Moves records from the feed to one sink, at least once and in order.

    The cursor is read once: nobody else moves it while this publisher lives.

    Args:
        name: of the cursor; another name starts at the earliest.
        feed: the stored records.
        sink: where they go.

    Attributes:
        published: records that the sink has taken.
        failures: times that the sink or the store was away.
    """

    def __init__(self, name: str, feed: Feed[_T], sink: Sink[_T]) -> None:
        self.name = name
        self._feed = feed
        self._sink = sink
        self._cursor: int | None = None
        self.published = 0
        self.failures = 0

    def step(self) -> int:
        """Publish what is there, at most one batch; give its size.

        Raises:
            SinkError: the sink is away.
            TokentrailError: the store is away.
        """
        if self._cursor is None:
            self._cursor = self._feed.cursor(self.name)
        records = self._feed.after(self._cursor, BATCH)
        if records:
            self._sink.write(records)
            self._feed.advance(self.name, records[-1].cursor)
            self._cursor = records[-1].cursor
            self.published += len(records)
        return len(records)

    def run(self, stop: Event) -> None:
        """Publish until `stop` is set and nothing is left, or the sink is away then."""
        while True:
            try:
                moved = self.step()
            except (SinkError, TokentrailError) as error:
                self.failures += 1
                LOG.warning("publisher %s waits: %s", self.name, error)
                if stop.wait(RETRY_SECONDS if (asked := getattr(error, "wait", None)) is None else asked):
                    break
            else:
                if moved < BATCH and stop.is_set():
                    break
                if not moved:
                    stop.wait(PAUSE_SECONDS)
        self._sink.close()
