"""What a log may lack, or do to its records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import orjson

from ingest.simulator import Disorder, Traffic

Event = dict[str, Any]

NONE: Final = "whole"
LATE: Final = "late"
LATENESS: Final = 900.0
"""CloudTrail says 5 minutes on average and up to 15, s."""
PERCENT: Final = 100

_FIELDS: Final = {
    "device": ("device_id", "ja4"),
    "geo": ("country", "city", "lat", "lon", "accuracy_km"),
    "ASN": ("asn", "as_org"),
    "family": ("family_id",),
    "jti": ("token_id", "parent_id", "subject_token_id"),
    "iat": ("iat",),
    "user agent": ("user_agent",),
}


def _without(*fields: str) -> Callable[[Event], list[Event]]:
    def change(event: Event) -> list[Event]:
        return [{name: value for name, value in event.items() if name not in fields}]

    return change


def _drawn(event: Event) -> bool:
    """One event in a hundred, always the same ones."""
    return crc32(event["event_id"].encode()) % PERCENT == 0


def _lost(event: Event) -> list[Event]:
    return [] if _drawn(event) else [event]


def _doubled(event: Event) -> list[Event]:
    return [event, event] if _drawn(event) else [event]


_CHANGES: Final[dict[str, Callable[[Event], list[Event]]]] = {
    **{f"no {name}": _without(*fields) for name, fields in _FIELDS.items()},
    "1 % lost": _lost,
    "1 % doubled": _doubled,
}
FAULTS: Final = (NONE, *_CHANGES, LATE)


def disordered(traffic: Traffic, fault: str) -> Traffic:
    """Give the traffic as a late log delivers it, if that is the fault."""
    return replace(traffic, disorder=Disorder(lateness=LATENESS)) if fault == LATE else traffic


def damage(path: Path, fault: str) -> None:
    """Rewrite a file of events as a log with this fault would hold them."""
    if fault in _CHANGES:
        spoilt = path.with_suffix(".spoilt")
        with spoilt.open("wb") as out:
            out.writelines(_lines(path, _CHANGES[fault]))
        spoilt.replace(path)


def _lines(path: Path, change: Callable[[Event], list[Event]]) -> Iterator[bytes]:
    with path.open("rb") as events:
        for line in events:
            for event in change(orjson.loads(line)):
                yield orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
