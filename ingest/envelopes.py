"""What may be wrapped around an event: the Confluent wire prefix, a byte order mark, CloudEvents in both modes."""

from __future__ import annotations

from typing import Any, Final

from ingest.records import Headers

_CONFLUENT_MAGIC: Final = 0
_CONFLUENT_BYTES: Final = 5
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_CLOUDEVENT_HEADER: Final = "ce_specversion"


def bare(value: bytes) -> bytes:
    """Take off the Confluent wire prefix (magic byte 0, 4-byte schema id) and a byte order mark."""
    if len(value) > _CONFLUENT_BYTES and value[0] == _CONFLUENT_MAGIC:
        value = value[_CONFLUENT_BYTES:]
    return value.removeprefix(_BYTE_ORDER_MARK)


def is_binary(headers: Headers) -> bool:
    """Tell a binary-mode CloudEvent by its headers."""
    return any(name.lower() == _CLOUDEVENT_HEADER for name, _ in headers)


def unwrap_binary(record: dict[str, Any], headers: Headers) -> dict[str, Any]:
    """Complete an event from the `ce_*` headers of its Kafka record."""
    attributes = {
        name.lower().removeprefix("ce_"): value.decode("utf-8", "replace")
        for name, value in headers
        if name.lower().startswith("ce_")
    }
    return _completed(record, attributes)


def unwrap_structured(record: dict[str, Any]) -> dict[str, Any]:
    """Take the event out of a structured CloudEvent; a record without `data` is returned as it is."""
    data = record.get("data")
    return _completed(data, record) if isinstance(data, dict) else record


def _completed(event: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """The event's own fields win; the envelope's id, time and source stand in, and the last part of its type."""
    kind = attributes.get("type")
    stand_in = {
        "event_id": attributes.get("id"),
        "time": attributes.get("time"),
        "source": attributes.get("source"),
        "type": kind.rpartition(".")[2] if isinstance(kind, str) else None,
    }
    return {**{name: value for name, value in stand_in.items() if value is not None}, **event}
