"""Formats that alerts are published in, one file each: pure functions of a stored revision, at most 8 000 bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from alerts.formats import cef, ocsf
from alerts.record import SCHEMA, Record, compact, fitted
from schemas.alerts import Change
from schemas.revisions import StoredRevision


@dataclass(frozen=True, slots=True)
class Format:
    """How a revision is written.

    Attributes:
        encode: gives one record, without a line end, from a record of the contract.
        content_type, schema: of the records, as Kafka headers name them.
        all_changes: whether revisions come, too, that change nothing but the count.
    """

    encode: Callable[[Record], bytes]
    content_type: str
    schema: str
    all_changes: bool = False

    def record(self, revision: StoredRevision) -> bytes | None:
        """Give the bytes of a revision; None if it is not published."""
        if revision.change is Change.COUNT and not self.all_changes:
            return None
        return fitted(revision, self.encode)


NATIVE: Final = Format(compact, "application/json", SCHEMA, all_changes=True)
FORMATS: Final = {
    "native": NATIVE,
    "ocsf": Format(ocsf.encode, "application/json", f"ocsf-{ocsf.VERSION}"),
    "cef": Format(cef.encode, "text/plain; charset=utf-8", "cef-0"),
}
