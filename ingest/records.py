"""What sources hand to the decoder, and what the decoder hands back when a record cannot be used."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from ingest.payloads import Payloads
from schemas.columns import NULL_TIME
from schemas.fields import format_time

Headers: TypeAlias = Sequence[tuple[str, bytes]]

MAX_DETAIL_CHARS: Final = 1024
MAX_DEAD_VALUE_BYTES: Final = 64 * 1024
MAX_DEAD_KEY_BYTES: Final = 1024
MAX_DEAD_HEADERS: Final = 32


class DeadReason(StrEnum):
    """Why a record became a dead letter."""

    NOT_JSON = "not-json"
    NOT_UTF8 = "not-utf8"
    INVALID = "invalid"
    TOO_LARGE = "too-large"
    ID_TOO_LONG = "id-too-long"
    UNKNOWN_TYPE = "unknown-type"
    NUL = "nul"
    FUTURE_TIME = "future-time"
    TOO_LATE = "too-late"
    CORRUPT_BATCH = "corrupt-batch"
    TRUNCATED_FILE = "truncated-file"


@dataclass(frozen=True, slots=True)
class RawRecords:
    """Records as they came from one source, in arrival order; every column has one entry a record.

    Attributes:
        values: the bytes; null is a Kafka tombstone.
        origin: topic or file name, for messages.
        offsets: int64 Kafka offset, or line number (from 1) in a file.
        partition: int32; for files the index of the input.
        record_time: int64 µs, the broker's timestamp; `NULL_TIME` where there is none.
        keys, headers: of Kafka records, or None.
    """

    values: Payloads
    origin: str
    offsets: npt.NDArray[np.int64]
    partition: npt.NDArray[np.int32]
    record_time: npt.NDArray[np.int64]
    keys: Payloads | None = None
    headers: list[Headers] | None = None

    @classmethod
    def of(cls, values: Sequence[bytes | None], origin: str = "-", first_offset: int = 1) -> RawRecords:
        """Wrap values that have no broker: numbered lines, no record time."""
        n = len(values)
        return cls(
            Payloads.of(values),
            origin,
            np.arange(first_offset, first_offset + n, dtype=np.int64),
            np.zeros(n, np.int32),
            np.full(n, NULL_TIME, np.int64),
        )

    def __len__(self) -> int:
        """Number of records."""
        return len(self.values)

    def slice(self, start: int, stop: int) -> RawRecords:
        """Give the records `start` to `stop` (excluded)."""
        return RawRecords(
            self.values.slice(start, stop),
            self.origin,
            self.offsets[start:stop],
            self.partition[start:stop],
            self.record_time[start:stop],
            None if self.keys is None else self.keys.slice(start, stop),
            None if self.headers is None else self.headers[start:stop],
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be used, with the reason; raw tokens are already replaced in every part.

    `partition` and `offset` are those of `RawRecords`; `record_time` is µs or None; `detail` names the field.
    """

    reason: DeadReason
    detail: str
    value: bytes | None
    origin: str
    partition: int
    offset: int
    record_time: int | None = None
    key: bytes | None = None
    headers: Headers = ()

    def bounded(self) -> DeadLetter:
        """Cut what a hostile producer could make endless."""
        return replace(
            self,
            detail=self.detail[:MAX_DETAIL_CHARS],
            value=None if self.value is None else self.value[:MAX_DEAD_VALUE_BYTES],
            key=None if self.key is None else self.key[:MAX_DEAD_KEY_BYTES],
            headers=[
                (name[:MAX_DEAD_KEY_BYTES], value[:MAX_DEAD_KEY_BYTES])
                for name, value in self.headers[:MAX_DEAD_HEADERS]
            ],
        )

    def connect_headers(self) -> list[tuple[str, bytes]]:
        """Original headers, then the reason in the names that Kafka Connect uses for its dead-letter queues."""
        facts = {
            "__connect.errors.topic": self.origin,
            "__connect.errors.partition": str(self.partition),
            "__connect.errors.offset": str(self.offset),
            "__connect.errors.stage": "VALUE_CONVERTER",
            "__connect.errors.exception.class.name": self.reason.value,
            "__connect.errors.exception.message": self.detail,
        }
        return [*self.headers, *((name, text.encode("utf-8", "replace")) for name, text in facts.items())]

    def to_json(self) -> bytes:
        """One line of JSON. Bytes that are no UTF-8 are given in base64 under `<name>_base64`."""
        line = {
            "reason": self.reason.value,
            "detail": self.detail,
            "origin": self.origin,
            "partition": self.partition,
            "offset": self.offset,
            "record_time": None if self.record_time is None else format_time(self.record_time),
            **_readable("key", self.key),
            **_readable("value", self.value),
            "headers": [{"name": name, **_readable("value", value)} for name, value in self.headers],
        }
        return orjson.dumps({name: value for name, value in line.items() if value not in (None, [])})


def _readable(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if value is None else value.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode("ascii")}
