"""The frame's columns, derived from the field markers of `TokenEvent`.

A column is a NumPy array of one of these dtypes; null is a value of the column, never a mask:

| marker    | dtype  | null                  |
|-----------|--------|-----------------------|
| `Time`    | int64  | `NULL_TIME`           |
| `Code`    | int8   | -1                    |
| `Key`     | uint64 | 0                     |
| `Flags`   | uint8  | 0 (empty set)         |
| `Country` | int16  | 0                     |
| `Number`  | its own| its own               |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from schemas.events import TokenEvent
from schemas.fields import Code, Country, Flags, Key, Number, Text, Time
from schemas.vocabulary import code

NULL_TIME: Final = int(np.iinfo(np.int64).min)
NULL_KEY: Final = 0

Marker: TypeAlias = Key | Time | Code | Flags | Country | Number


@dataclass(frozen=True, slots=True)
class Column:
    """One numeric column of the frame."""

    name: str
    dtype: np.dtype[np.generic]
    null: float | int


def _column(name: str, marker: Marker) -> Column:
    match marker:
        case Key():
            return Column(name, np.dtype(np.uint64), NULL_KEY)
        case Time():
            return Column(name, np.dtype(np.int64), NULL_TIME)
        case Code():
            return Column(name, np.dtype(np.int8), -1)
        case Flags():
            return Column(name, np.dtype(np.uint8), 0)
        case Country():
            return Column(name, np.dtype(np.int16), 0)
        case Number(dtype=dtype, null=null):
            return Column(name, np.dtype(dtype), null)


MARKERS: Final[dict[str, Marker | Text]] = {
    name: marker
    for name, field in TokenEvent.model_fields.items()
    for marker in field.metadata
    if isinstance(marker, Key | Time | Code | Flags | Country | Number | Text)
}
"""Event field → its column marker. Every field has exactly one."""

DERIVED: Final = (
    Column("event_key", np.dtype(np.uint64), NULL_KEY),
    Column("event_key2", np.dtype(np.uint64), NULL_KEY),
    Column("principal", np.dtype(np.uint64), NULL_KEY),
    Column("source_ip", np.dtype(np.uint64), NULL_KEY),
    Column("prefix", np.dtype(np.uint64), NULL_KEY),
    Column("ua_family", np.dtype(np.uint64), NULL_KEY),
    Column("tenant_key", np.dtype(np.uint64), NULL_KEY),
    Column("issuer_key", np.dtype(np.uint64), NULL_KEY),
    Column("order_time", np.dtype(np.int64), NULL_TIME),
    Column("late", np.dtype(np.bool_), 0),
    Column("leaked", np.dtype(np.bool_), 0),
)
"""Columns that no field states:

- `event_key`, `event_key2`: the two halves of the 128-bit keyed hash of (tenant, iss, event_id), for dedupe.
- `principal`: `sub`, else `login`, else null.
- `source_ip`: user-role `ip` (role `user`, or unknown role of a non-server event), IPv6 by /64; null for servers.
- `prefix`: user-role /24 (IPv4) or /48 (IPv6).
- `ua_family`: `user_agent` without version numbers.
- `tenant_key`: the tenant; `issuer_key`: the scope (tenant, iss) of every id.
- `order_time`: `time`, but for a late row the watermark that had already passed it. Never decreases within a stream.
- `late`: the row arrived after the watermark had passed its time.
- `leaked`: a raw token stood in the record, and was replaced by its hash.
"""

TRACED: Final = (
    Column("issue_event", np.dtype(np.uint64), NULL_KEY),
    Column("issued_at", np.dtype(np.int64), NULL_TIME),
    Column("issued_exp", np.dtype(np.int64), NULL_TIME),
    Column("issued_type", np.dtype(np.int8), -1),
    Column("issued_bound", np.dtype(np.int8), -1),
    Column("first_use", np.dtype(np.int8), -1),
    *(
        Column(f"same_{name}", np.dtype(np.int8), -1)
        for name in ("client", "device", "cnf", "agent", "address", "asn", "country")
    ),
)
"""Columns that tell what was said when the token that an event presents was issued (`detectors.tokens`):

- `issue_event`: `event_key` of the issue. `issued_at`: its time. `issued_exp`: the token's `exp`. `issued_type`: its
  `token_type`. Both times are whole seconds. `issued_bound`: whether it was bound to a key: 1 yes, 0 no, -1 unknown.
- `first_use`: whether nobody presented it before: 1 yes, 0 no, -1 unknown.
- `same_…`: whether who presents it has the same client, device, key, UA family, address, ASN, country: 1 yes, 0 no,
  -1 unknown.
"""

LISTED: Final = tuple(
    Column(name, np.dtype(np.int64), NULL_TIME)
    for name in (
        "keys_since",
        "keys_read_next",
        "key_listed_at",
        "key_first_seen",
        "key_created",
        "key_not_before",
        "key_retired",
        "key_compromised",
        "key_recipient_until",
    )
)
"""Columns that tell what is known of the event's key (`detectors.inventory`), times in µs:

- `keys_since`: from when on all keys of the event's issuer are known: its JWKS was read. Null: they are not.
- `keys_read_next`: when its JWKS was read next, after the event.
- `key_listed_at`: when the key was listed first, 0 where it stands in the settings. It may lie after the event: the
  list came late.
- `key_first_seen`: when a JWKS showed it first.
- the others: as its owner says; `key_retired` is also when it left the JWKS, if by then.
"""

COLUMNS: Final[dict[str, Column]] = {
    **{name: _column(name, marker) for name, marker in MARKERS.items() if not isinstance(marker, Text)},
    **{column.name: column for column in (*DERIVED, *TRACED, *LISTED)},
}
"""Every numeric column of the frame by name."""

TEXT_FIELDS: Final = tuple(name for name, marker in MARKERS.items() if isinstance(marker, Text | Key | Country))
"""Event fields that the frame also keeps as text (evidence, entity names, the lake)."""
LIST_FIELDS: Final = ("actor", "aud", "scope", "requested_scope", "required_scope", "amr", "claims")
"""Text fields that hold a list of strings."""


def code_of(field: str, word: str) -> int:
    """Give the code of a word in the column of a field with a vocabulary.

    Raises:
        ValueError: it is not one of its words.
    """
    (marker,) = (it for it in TokenEvent.model_fields[field].metadata if isinstance(it, Code))
    return code(marker.vocabulary(word))
