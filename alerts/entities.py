"""Who an alert is about: entities of the event that raised a finding, as hashes for counting and as text for people."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schemas.alerts import Entity
from schemas.catalogue import EntityField
from schemas.columns import COLUMNS
from schemas.frame import Events
from schemas.vocabulary import EntityType

Row = Mapping[str, Any]
"""Readable fields of one event, nulls left out."""

MAX_ID_CHARS: Final = 256
_KEY_COLUMNS: Final = {
    "principal": ("principal",),
    "family_id": ("family_id", "parent_id", "token_id"),
    "tenant": ("tenant_key",),
    "iss": ("issuer_key",),
}
_TEXT_FIELDS: Final = {"principal": ("sub", "login"), "family_id": ("family_id", "parent_id", "token_id")}


def text_fields(field: EntityField) -> tuple[str, ...]:
    """Event fields that may hold the entity, the preferred one first."""
    return _TEXT_FIELDS.get(field.field, (field.field,))


def key_columns(field: EntityField) -> tuple[str, ...]:
    """Columns that tell such entities apart, the preferred one first.

    Raises:
        ValueError: the field exists as text only; entities need a column to be counted by.
    """
    names = ("prefix",) if field.type is EntityType.PREFIX else _KEY_COLUMNS.get(field.field, (field.field,))
    for name in names:
        if name not in COLUMNS:
            raise ValueError(f"entity field {field.field} has no key column")
    return names


def keys(events: Events, field: EntityField, rows: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Give the key of the entity in each of some rows, shape of `rows`; 0 where the row has none."""
    found = np.zeros(len(rows), np.uint64)
    for name in key_columns(field):
        column = events[name][rows]
        present = (column != COLUMNS[name].null) & (found == 0)
        found[present] = column[present].astype(np.int64, copy=False).view(np.uint64)
    return found


def entity_of(field: EntityField, row: Row) -> Entity | None:
    """Read the entity from an event, or None where the event does not have it."""
    value = next((row[name] for name in text_fields(field) if name in row), None)
    if value is None:
        return None
    return Entity(
        type=field.type,
        id=_entity_id(field.type, value)[:MAX_ID_CHARS],
        role=field.role,
        tenant=row.get("tenant"),
        name=row.get("username") if field.type is EntityType.USER else None,
    )


def _entity_id(type_: EntityType, value: object) -> str:
    match type_:
        case EntityType.PREFIX:
            return prefix_of(str(value))
        case EntityType.ASN:
            return f"AS{value}"
    return str(value)


def prefix_of(ip: str) -> str:
    """Cut an address to the network it is counted under: /24 (IPv4) or /48 (IPv6)."""
    return str(ip_network((ip, 48 if ":" in ip else 24), strict=False))
