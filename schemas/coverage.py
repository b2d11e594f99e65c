"""What sources tell: how many of their events have a field, by hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filled:
    """Events of one type from one source in one hour of event time, and in how many of them a column is known.

    Attributes:
        hour: its start, µs.
        source: the product that wrote the log, or else the issuer.
        type: value of `EventType`.
        events: how many.
        filled: column → events in which it is not null; columns that are never known are left out.
    """

    hour: int
    source: str
    type: str
    events: int
    filled: Mapping[str, int]
