"""Vendor logs: each adapter turns one record of its product into token events in our own terms."""

from __future__ import annotations

from typing import Final

from ingest.vendors.adapter import Adapter, Skip
from ingest.vendors.cloudtrail import CloudTrail

NATIVE: Final = "native"
AUTO: Final = "auto"

ADAPTERS: Final[dict[str, Adapter]] = {
    "cloudtrail": CloudTrail(),
}
"""Adapter by the name that `--format` takes.

`auto` asks each in this order about what is no plain event of ours, and then takes the record as native.
"""

FORMATS: Final = (AUTO, NATIVE, *ADAPTERS)

__all__ = ["ADAPTERS", "AUTO", "FORMATS", "NATIVE", "Adapter", "Skip"]
