"""Reading hostile records: whatever has the wrong type is absent."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any, Final, TypeAlias

from schemas.fields import PLACEHOLDERS, normal_ip

Record: TypeAlias = dict[str, Any]

_CACHED_ADDRESSES: Final = 65_536


def part(record: Record, name: str) -> Record:
    """Give an object inside another, empty where there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Give a string, or None for anything else and for what logs write for "nobody"."""
    return value if isinstance(value, str) and value.casefold() not in PLACEHOLDERS else None


def stated(event: Record) -> Record:
    """Leave out what is not known."""
    return {field: value for field, value in event.items() if value is not None}


def address(value: object, counters: Counter[str], vendor: str) -> str | None:
    """Read an IP address; what is none is counted as `<vendor>:invalid-ip`, so that the event is kept without it."""
    written = text(value)
    if written is None:
        return None
    normal = _normal(written)
    if normal is None:
        counters[f"{vendor}:invalid-ip"] += 1
    return normal


@lru_cache(maxsize=_CACHED_ADDRESSES)
def _normal(written: str) -> str | None:
    try:
        return normal_ip(written)
    except ValueError:
        return None
