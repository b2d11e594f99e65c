"""Vendor logs: each adapter turns one record of its product into token events in our own terms."""

from __future__ import annotations

from typing import Final

from ingest.vendors.adapter import Adapter
from ingest.vendors.auth0 import Auth0
from ingest.vendors.cloudtrail import CloudTrail
from ingest.vendors.codes import Code, Skip
from ingest.vendors.okta import Okta

NATIVE: Final = "native"
AUTO: Final = "auto"

ADAPTERS: Final[dict[str, Adapter]] = {
    "cloudtrail": CloudTrail(),
    "auth0": Auth0(),
    "okta": Okta(),
}
"""Adapter by the name that `--format` takes.

`auto` asks each in this order about what is no plain event of ours, and then takes the record as native.
"""

FORMATS: Final = (AUTO, NATIVE, *ADAPTERS)

__all__ = ["ADAPTERS", "AUTO", "FORMATS", "NATIVE", "Adapter", "Code", "Skip"]
