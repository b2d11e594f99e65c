"""Places alerts are published to, one file each. A sink takes revisions in order and is durable when it returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.revisions import StoredRevision


class SinkError(Exception):
    """The sink did not take everything; the same revisions are offered again."""


class Sink(Protocol):
    """At least once: after an error or a crash, revisions since the last confirmed ones come again."""

    def write(self, revisions: Sequence[StoredRevision]) -> None:
        """Publish revisions and return when they are safe. Raises SinkError."""

    def close(self) -> None:
        """Let go of what is open."""
