"""A publisher follows the stored revisions with a cursor of its own, so one sink's outage delays only that sink."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event
from typing import Final, Protocol

from alerts.sinks import Sink, SinkError
from schemas.errors import TokentrailError
from schemas.revisions import StoredRevision

LOG: Final = logging.getLogger(__name__)

BATCH: Final = 500
PAUSE_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 2.0


class Feed(Protocol):
    """The stored revisions in order."""

    def cursor(self, publisher: str) -> int:
        """How far a publisher has come."""

    def after(self, cursor: int, limit: int) -> Sequence[StoredRevision]:
        """The next revisions."""

    def advance(self, publisher: str, cursor: int) -> None:
        """Remember how far a publisher has come."""


class Publisher:
    """Moves revisions from the feed to one sink, at least once and in order.

    The cursor is read once: nobody else moves it while this publisher lives.

    Args:
        name: of the cursor; another name starts at the earliest.
        feed: the stored revisions.
        sink: where they go.

    Attributes:
        published: revisions that the sink has taken.
        failures: times that the sink or the store was away.
    """

    def __init__(self, name: str, feed: Feed, sink: Sink) -> None:
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
        revisions = self._feed.after(self._cursor, BATCH)
        if revisions:
            self._sink.write(revisions)
            self._feed.advance(self.name, revisions[-1].cursor)
            self._cursor = revisions[-1].cursor
            self.published += len(revisions)
        return len(revisions)

    def run(self, stop: Event) -> None:
        """Publish until `stop` is set and nothing is left, or the sink is away then."""
        while True:
            try:
                moved = self.step()
            except (SinkError, TokentrailError) as error:
                self.failures += 1
                LOG.warning("publisher %s waits: %s", self.name, error)
                if stop.wait(RETRY_SECONDS):
                    break
            else:
                if moved < BATCH and stop.is_set():
                    break
                if not moved:
                    stop.wait(PAUSE_SECONDS)
        self._sink.close()
