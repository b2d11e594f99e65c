"""What a vendor adapter has to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Skip:
    """A record without a token event. `code` names its kind in the vendor's words, for the count of skipped records."""

    code: str


class Adapter(Protocol):
    """Reads the records of one product. Every record is hostile: wrong types and absent parts are normal."""

    def recognises(self, record: dict[str, Any]) -> bool:
        """Tell whether a record is this product's, by fields that only it has."""
        ...

    def normalise(self, record: dict[str, Any], counters: Counter[str]) -> list[dict[str, Any]] | Skip:
        """Give the token events of a record as fields of `schemas.events.TokenEvent`, or why there are none.

        The contract judges the result, so a broken record may be passed on: it is refused with the field named.
        What was repaired on the way (an address that is none) is counted. `login` is the identifier as submitted: the
        decoder replaces it by its keyed hash.
        """
        ...

    def read_line(self, line: bytes) -> dict[str, Any] | None:  # noqa: ARG002 - for those that have one
        """Read a record that is no JSON object; None where it is not this product's. Most products have none."""
        return None
