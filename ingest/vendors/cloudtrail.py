"""AWS CloudTrail."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ingest.vendors.adapter import Skip


class CloudTrail:
    """Reads CloudTrail records, one a JSON object."""

    def recognises(self, record: dict[str, Any]) -> bool:
        """Every record has these four."""
        return all(name in record for name in ("eventVersion", "eventSource", "eventName", "eventID"))

    def normalise(self, record: dict[str, Any], counters: Counter[str]) -> list[dict[str, Any]] | Skip:
        """Skip."""
        return Skip(str(record.get("eventName")))
