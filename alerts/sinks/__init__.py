"""Places alerts are published to, one file each. A sink takes records in order and is durable when it returns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

_T_contra = TypeVar("_T_contra", contravariant=True)

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 30.0


class SinkError(Exception):
    """The sink did not take everything; the same records are offered again.

    Args:
        message: what is wrong.
        wait: seconds until then; None leaves it to the publisher.
    """

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Sink(Protocol[_T_contra]):
    """At least once: after an error or a crash, records since the last confirmed ones come again."""

    def write(self, records: Sequence[_T_contra]) -> None:
        """Publish records and return when they are safe. Raises SinkError."""

    def close(self) -> None:
        """Let go of what is open."""


class Backoff:
    """Seconds between tries at somebody else's server: doubled each time, half of them by chance."""

    def __init__(self) -> None:
        self._bound = FIRST_WAIT

    def next(self) -> float:
        """Give the seconds until the next try."""
        bound, self._bound = self._bound, min(2 * self._bound, LONGEST_WAIT)
        return bound * random.uniform(0.5, 1)  # noqa: S311 - spreads tries, guards nothing

    def reset(self) -> None:
        """Begin anew: it answers."""
        self._bound = FIRST_WAIT
