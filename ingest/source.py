"""What the worker asks of a source of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ingest.records import DeadLetter, RawRecords


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought.

    Attributes:
        records: in offset order within each partition; may be empty.
        markers: dead letters for records that could not even be unpacked.
        notices: things an operator has to know, e.g. expired offsets.
    """

    records: RawRecords
    markers: list[DeadLetter] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


class Source(Protocol):
    """Records of numbered partitions, each from an offset on, at least once and in order.

    `delivered` maps each partition to the offset after the last record that a poll gave.
    """

    delivered: dict[int, int]

    @property
    def partitions(self) -> set[int]:
        """Partitions that are read."""

    def poll(self, seconds: float) -> Polled:
        """Wait up to `seconds` for records."""

    def drained(self, taken: Mapping[int, int]) -> set[int]:
        """Partitions in which the offsets `taken` are known to be the end."""

    def lag(self) -> dict[int, int]:
        """Records behind the end of each partition."""

    def hold(self, numbers: Iterable[int]) -> None:
        """Fetch nothing from these partitions for now; from all others again."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Show the world how far we are."""

    def close(self) -> None:
        """Leave within a bounded time."""
