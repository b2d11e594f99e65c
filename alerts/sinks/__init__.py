"""Places alerts are published to, one file each. A sink takes records in order and is durable when it returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

_T_contra = TypeVar("_T_contra", contravariant=True)


class SinkError(Exception):
    """The sink did not take everything; the same records are offered again."""


class Sink(Protocol[_T_contra]):
    """At least once: after an error or a crash, records since the last confirmed ones come again."""

    def write(self, records: Sequence[_T_contra]) -> None:
        """Publish records and return when they are safe. Raises SinkError."""

    def close(self) -> None:
        """Let go of what is open."""
