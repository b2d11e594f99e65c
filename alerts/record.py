"""The native alert record as it is published: one compact JSON object that fits every consumer.

What does not fit 8 000 bytes is cut in a fixed order (rows of evidence, ids of evidence, advice, entities beyond the
first five; then every list beyond five entries with every text beyond 256, 64 and 40 bytes), and `truncated` says so.
The store keeps the whole record.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import orjson

from alerts.summary import safe
from schemas.alerts import MAX_ALERT_BYTES
from schemas.fields import format_time
from schemas.revisions import StoredRevision

SCHEMA: Final = "token-alert.v1"
MIN_ENTITIES: Final = 5
TEXT_BYTES: Final = (256, 64, 40)
"""The last is enough for our own words: ids, times, names of detectors, classes and techniques."""

Record = dict[str, Any]


def _without_rows(record: Record) -> None:
    record["evidence"] |= {"rows": [], "truncated": True}


def _without_ids(record: Record) -> None:
    record["evidence"] |= {"event_ids": record["evidence"]["event_ids"][:1], "truncated": True}


def _without_advice(record: Record) -> None:
    record["advice"] = record["advice"][:1]


def _with_few_entities(record: Record) -> None:
    record["entities"] = record["entities"][:MIN_ENTITIES]


def _with_short_texts(limit: int, record: Record) -> None:
    record |= _short(record, limit)


def _short(value: Any, limit: int) -> Any:  # noqa: ANN401 - anything JSON can hold
    match value:
        case str() if len(value.encode()) > limit:
            return safe(value, limit).encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"
        case list():
            return [_short(each, limit) for each in value[:MIN_ENTITIES]]
        case dict():
            return {name: _short(each, limit) for name, each in value.items()}
    return value


CUTS: Final[tuple[Callable[[Record], None], ...]] = (
    *(_without_rows, _without_ids, _without_advice, _with_few_entities),
    *(partial(_with_short_texts, limit) for limit in TEXT_BYTES),
)


def whole(body: str, detected_at: int) -> Record:
    """Give a stored alert as a record of the contract: `time` first, the worker's wall clock (µs) after it."""
    stored = orjson.loads(body)
    return {"time": stored["time"], "detected_at": format_time(detected_at), **stored}


def compact(record: Record) -> bytes:
    """Write a record of the contract."""
    return orjson.dumps(record)


def record_of(revision: StoredRevision) -> bytes:
    """Give the published bytes of a revision in the native format, at most 8 000."""
    return fitted(revision, compact)


def fitted(revision: StoredRevision, encode: Callable[[Record], bytes]) -> bytes:
    """Give what `encode` makes of a revision, cut until it has at most 8 000 bytes.

    Raises:
        ValueError: even the cut record is too large, which the bounds of its fields rule out.
    """
    record = whole(revision.body, revision.detected_at)
    data = encode(record)
    for cut in CUTS:
        if len(data) <= MAX_ALERT_BYTES:
            break
        cut(record)
        record["truncated"] = True
        data = encode(record)
    if len(data) > MAX_ALERT_BYTES:
        raise ValueError(f"alert {revision.alert_id} has {len(data)} bytes after every cut")
    return data


def headers_of(revision: StoredRevision, content_type: str, schema: str) -> list[tuple[str, bytes]]:
    """Repeat what a consumer may want to filter by without parsing the body."""
    body = orjson.loads(revision.body)
    facts = {
        "content-type": content_type,
        "schema": schema,
        **{name: str(body[name]) for name in ("alert_id", "severity", "detector", "revision")},
    }
    return [(name, value.encode()) for name, value in facts.items()]
