"""The native alert record as it is published: one compact JSON object that fits every consumer.

What does not fit 8 000 bytes is cut in a fixed order (rows of evidence, ids of evidence, advice, entities beyond the
first five), and `truncated` says so. The store keeps the whole record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from schemas.alerts import MAX_ALERT_BYTES
from schemas.fields import format_time
from schemas.revisions import StoredRevision

SCHEMA: Final = "token-alert.v1"
MIN_ENTITIES: Final = 5

Record = dict[str, Any]


def _without_rows(record: Record) -> None:
    record["evidence"] |= {"rows": [], "truncated": True}


def _without_ids(record: Record) -> None:
    record["evidence"] |= {"event_ids": record["evidence"]["event_ids"][:1], "truncated": True}


def _without_advice(record: Record) -> None:
    record["advice"] = record["advice"][:1]


def _with_few_entities(record: Record) -> None:
    record["entities"] = record["entities"][:MIN_ENTITIES]


CUTS: Final[tuple[Callable[[Record], None], ...]] = (_without_rows, _without_ids, _without_advice, _with_few_entities)


def whole(body: str, detected_at: int) -> Record:
    """Give a stored alert as a record of the contract: `time` first, the worker's wall clock (µs) after it."""
    stored = orjson.loads(body)
    return {"time": stored["time"], "detected_at": format_time(detected_at), **stored}


def record_of(revision: StoredRevision) -> bytes:
    """Give the published bytes of a revision, at most 8 000.

    Raises:
        ValueError: even the cut record is too large, which the bounds of its fields rule out.
    """
    record = whole(revision.body, revision.detected_at)
    data = orjson.dumps(record)
    for cut in CUTS:
        if len(data) <= MAX_ALERT_BYTES:
            break
        cut(record)
        record["truncated"] = True
        data = orjson.dumps(record)
    if len(data) > MAX_ALERT_BYTES:
        raise ValueError(f"alert {revision.alert_id} has {len(data)} bytes after every cut")
    return data


def headers_of(record: bytes) -> list[tuple[str, bytes]]:
    """Repeat what a consumer may want to filter by without parsing the body."""
    body = orjson.loads(record)
    facts = {
        "content-type": "application/json",
        "schema": SCHEMA,
        **{name: str(body[name]) for name in ("alert_id", "severity", "detector", "revision")},
    }
    return [(name, value.encode()) for name, value in facts.items()]
