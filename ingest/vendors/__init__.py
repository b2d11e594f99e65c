"""Vendor logs: each adapter turns one record of its product into token events in our own terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingest.vendors.adapter import Adapter, LineAdapter
from ingest.vendors.auth0 import Auth0
from ingest.vendors.cloudtrail import CloudTrail
from ingest.vendors.codes import Code, Skip
from ingest.vendors.entra import Entra
from ingest.vendors.keycloak import Keycloak
from ingest.vendors.mapping import Mapped, MappingSettings
from ingest.vendors.okta import Okta
from ingest.vendors.vault import Vault

NATIVE: Final = "native"
AUTO: Final = "auto"

ADAPTERS: Final[dict[str, Adapter]] = {
    "auth0": Auth0(),
    "cloudtrail": CloudTrail(),
    "entra": Entra(),
    "keycloak": Keycloak(),
    "okta": Okta(),
    "vault": Vault(),
}
"""Adapter by the name that `--format` takes.

`auto` asks each in this order about what is no plain event of ours, and then takes the record as native.
"""

FORMATS: Final = (AUTO, NATIVE, *ADAPTERS)


def with_mapped(mappings: Sequence[MappingSettings]) -> dict[str, Adapter]:
    """Give the adapters and those of the settings."""
    return {**ADAPTERS, **{mapping.name: Mapped(mapping) for mapping in mappings}}


__all__ = [
    "ADAPTERS",
    "AUTO",
    "FORMATS",
    "NATIVE",
    "Adapter",
    "Code",
    "LineAdapter",
    "MappingSettings",
    "Skip",
    "with_mapped",
]
