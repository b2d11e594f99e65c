"""One record judged by the contract itself, `TokenEvent`: the slow path, and the source of every reason.

An accepted record comes back as plain JSON which the fast path reads without doubt, so that there is one way from JSON
to columns and both paths give equal values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import ValidationError

from ingest.records import DeadReason
from schemas.columns import MARKERS
from schemas.events import TokenEvent
from schemas.fields import ID_TOO_LONG, NUL_CHARACTER, Code, Time, format_time, word_of

_VOCABULARIES: Final = {
    name: marker.vocabulary for name, marker in MARKERS.items() if isinstance(marker, Code) and not marker.closed
}
_TIMES: Final = tuple(name for name, marker in MARKERS.items() if isinstance(marker, Time))
_BY_ERROR: Final = {ID_TOO_LONG: DeadReason.ID_TOO_LONG, NUL_CHARACTER: DeadReason.NUL}
_FALLBACKS: Final = ("other", "unknown")
MAX_ERRORS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record is no event."""

    reason: DeadReason
    detail: str


def parse(payload: bytes) -> dict[str, Any] | Refusal:
    """Read one JSON object."""
    try:
        record = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return _not_json(payload, str(error))
    if isinstance(record, dict):
        return record
    return Refusal(DeadReason.INVALID, f"the record is a JSON {_KINDS[type(record)]}, not an object")


def written(record: dict[str, Any]) -> bytes | Refusal:
    """Write a record as JSON again; what was read may be nested deeper than can be written."""
    try:
        return orjson.dumps(record)
    except orjson.JSONEncodeError as error:
        return Refusal(DeadReason.INVALID, str(error))


_KINDS: Final = {list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def _not_json(payload: bytes, detail: str) -> Refusal:
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        return Refusal(DeadReason.NOT_UTF8, f"byte {error.start}: {error.reason}")
    return Refusal(DeadReason.NOT_JSON, detail if payload else "the record is empty")


def validate(record: dict[str, Any]) -> bytes | Refusal:
    """Check a record: its plain form, or why it is none."""
    try:
        event = TokenEvent.model_validate(record)
    except ValidationError as error:
        return _refusal(error)
    plain = event.model_dump(exclude_none=True)
    for name in _TIMES:
        if name in plain:
            plain[name] = format_time(plain[name])
    return orjson.dumps(plain)


def unknown_words(record: dict[str, Any]) -> list[str]:
    """Name the fields whose word is outside their open vocabulary."""
    stated = {name: record[name] for name in record.keys() & _VOCABULARIES.keys() if isinstance(record[name], str)}
    return [
        name
        for name, word in stated.items()
        if word_of(_VOCABULARIES[name], word) in _FALLBACKS and word not in _FALLBACKS
    ]


def _refusal(error: ValidationError) -> Refusal:
    faults = error.errors(include_url=False, include_context=False, include_input=True)
    reasons = [_BY_ERROR[fault["type"]] for fault in faults if fault["type"] in _BY_ERROR]
    if any(fault["loc"] == ("type",) and isinstance(fault["input"], str) for fault in faults):
        reasons = [DeadReason.UNKNOWN_TYPE]
    shown = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:MAX_ERRORS_SHOWN]]
    more = [f"and {len(faults) - len(shown)} more"] if len(faults) > len(shown) else []
    return Refusal(reasons[0] if reasons else DeadReason.INVALID, "; ".join([*shown, *more]))
