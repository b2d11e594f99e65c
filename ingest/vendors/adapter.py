"""What a vendor adapter has to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from ingest.vendors.codes import Code, Skip


class Adapter(Protocol):
    """Reads the records of one product. Every record is hostile: wrong types and absent parts are normal.

    The docstring of its module and `codes` become the vendor's page in docs/vendors.
    """

    title: ClassVar[str]
    """Product and log, for people."""

    codes: ClassVar[Mapping[str, Code]]
    """Every documented code by its name; what is not listed is counted (`codes.skip`)."""

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


@runtime_checkable
class LineAdapter(Adapter, Protocol):
    """Reads lines of text besides JSON objects."""

    def read_line(self, line: bytes) -> dict[str, Any] | None:
        """Give a line as the record that `normalise` takes; None where it is not this product's."""
        ...
