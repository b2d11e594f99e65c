"""Build frames from readable events, for tests of everything behind the decoder."""

from __future__ import annotations

from hashlib import blake2b
from ipaddress import ip_network
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.columns import COLUMNS, MARKERS, TEXT_FIELDS
from schemas.events import TokenEvent
from schemas.fields import Code, Country, Flags, Key, pack_country
from schemas.frame import TEXT_SCHEMA, Events, Text
from schemas.vocabulary import IpRole


def key_of(*parts: str | None) -> int:
    """Hash the way a frame does in tests: 64 bits of BLAKE2b over the parts, 0 for a null last part."""
    if parts[-1] is None:
        return 0
    return int.from_bytes(blake2b("\0".join(part or "" for part in parts).encode(), digest_size=8).digest(), "little")


def frame(events: list[dict[str, Any]], *, ordered: bool = True) -> Events:
    """Turn events (fields of `TokenEvent`, and `leaked`) into a frame in event-time order.

    `event_id` is made up where absent.
    """
    models = [TokenEvent.model_validate({"event_id": f"e{i}", **event}) for i, event in enumerate(events)]
    leaked = {model.event_id for model, event in zip(models, events, strict=True) if event.get("leaked")}
    if ordered:
        models.sort(key=lambda event: (event.time, -1 if event.seq is None else event.seq, event.event_id))
    columns = {name: np.full(len(models), column.null, column.dtype) for name, column in COLUMNS.items()}
    for row, event in enumerate(models):
        for name, value in _values(event).items():
            columns[name][row] = value
        columns["leaked"][row] = event.event_id in leaked
    text = pa.Table.from_pylist([event.model_dump(include=set(TEXT_FIELDS)) for event in models], TEXT_SCHEMA)
    return Events(len(models), columns, Text.of(text))


def _values(event: TokenEvent) -> dict[str, Any]:
    scope = (event.tenant, event.iss)
    values: dict[str, Any] = {}
    for name, marker in MARKERS.items():
        value = getattr(event, name)
        if name not in COLUMNS or value is None:
            continue
        match marker:
            case Key(scoped=scoped):
                value = key_of(*scope, value) if scoped else key_of(value)
            case Code(vocabulary=vocabulary):
                value = list(vocabulary).index(value)
            case Flags(vocabulary=vocabulary):
                value = sum({1 << list(vocabulary).index(word) for word in value})
            case Country():
                value = pack_country(value)
        values[name] = value
    ip = None if event.ip_role is IpRole.SERVER else event.ip
    agent = "".join(c for c in event.user_agent if not c.isdigit() and c not in "._") if event.user_agent else None
    return values | {
        "event_key": key_of(*scope, event.event_id),
        "event_key2": key_of(*scope, event.event_id, "2"),
        "principal": values.get("sub", values.get("login", 0)),
        "source_ip": 0 if ip is None else _source_of(ip),
        "prefix": 0 if ip is None else _prefix_of(ip),
        "ua_family": key_of(agent),
        "tenant_key": key_of(event.tenant),
        "issuer_key": key_of(event.tenant or "", event.iss or ""),
        "order_time": event.time,
    }


def _source_of(ip: str) -> int:
    return key_of(str(ip_network(f"{ip}/64", strict=False))) if ":" in ip else key_of(ip)


def _prefix_of(ip: str) -> int:
    return key_of("prefix", str(ip_network(f"{ip}/{48 if ':' in ip else 24}", strict=False)))
