"""Fetched Kafka batches as columns, not as one Python object a record: half the cost of a poll.

kafka-python does all the rest: connections, fetch sessions, positions, checksums, codecs, aborted transactions. It
builds its record tuples in one class of its fetcher; `read_columns` puts another one in its place, so that a poll gives
one `ConsumerRecord` a batch with `RecordColumns` as its value (docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.legacy_records import LegacyRecordBatch
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import decode_varint

from ingest.kernels import batches as places
from ingest.kernels.batches import CORRUPT, PLACES, read_batch
from ingest.kernels.cells import Bytes, Ints
from ingest.payloads import Payloads
from ingest.records import Headers

NO_TIME: Final = -1
_FIRST_COLUMN_FORMAT: Final = 2


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """n records of one partition in offset order.

    Attributes:
        offsets: int64, shape (n,).
        times: int64 ms, shape (n,); `NO_TIME` where a record has none.
        keys, values: what they hold, in one buffer for both.
        headers: of each record, or None if none has any.
    """

    offsets: Ints
    times: Ints
    keys: Payloads
    values: Payloads
    headers: list[Headers] | None

    @classmethod
    def of(cls, records: Sequence[ConsumerRecord]) -> RecordColumns:
        """Copy records together that came one by one; their formats know no headers."""
        n = len(records)
        texts = Payloads.of([*(record.key for record in records), *(record.value for record in records)])
        return cls(
            np.array([record.offset for record in records], np.int64),
            np.array([_time_of(record) for record in records], np.int64),
            texts.slice(0, n),
            texts.slice(n, 2 * n),
            None,
        )

    @classmethod
    def concat(cls, parts: Sequence[RecordColumns]) -> RecordColumns:
        """Put columns behind each other."""
        if not parts:
            return cls.of([])
        data = np.concatenate([part.values.data for part in parts])
        shifts = np.cumsum([0, *(len(part.values.data) for part in parts)])
        headers: list[Headers] | None = None
        if any(part.headers for part in parts):
            headers = [header for part in parts for header in part.headers or [()] * len(part)]
        return cls(
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.times for part in parts]),
            _moved([part.keys for part in parts], data, shifts),
            _moved([part.values for part in parts], data, shifts),
            headers,
        )

    def __len__(self) -> int:
        """Number of records."""
        return len(self.offsets)

    def since(self, offset: int) -> RecordColumns:
        """Leave out what lies before an offset: a broker gives whole batches."""
        if self.offsets[0] >= offset:
            return self
        first, n = int(np.searchsorted(self.offsets, offset)), len(self)
        return RecordColumns(
            self.offsets[first:],
            self.times[first:],
            self.keys.slice(first, n),
            self.values.slice(first, n),
            None if self.headers is None else self.headers[first:],
        )


class _ColumnBatch(DefaultRecordBatch):
    """A batch of message format 2 whose iteration gives one record that stands for all of them."""

    __slots__ = ()

    def __iter__(self) -> Iterator[DefaultRecord]:
        self._maybe_uncompress()
        columns = self._columns()
        if len(columns):
            size = len(self._buffer) - self._pos
            yield DefaultRecord(size, self.last_offset, self.max_timestamp, self.timestamp_type, None, columns, [])

    def _columns(self) -> RecordColumns:
        data, count = np.frombuffer(self._buffer, np.uint8), self.records_count
        if not 0 <= count * places.MIN_RECORD_BYTES <= len(data):
            raise CorruptRecordError(f"a batch of {len(data)} bytes says that it holds {count} records")
        found = np.empty((PLACES, count), np.int64)
        if read_batch(data, self._pos, found) == CORRUPT:
            raise CorruptRecordError(f"the batch at offset {self.base_offset} does not hold the records that it says")
        return RecordColumns(
            found[places.OFFSET] + self.base_offset,
            self._times(found[places.TIME]),
            Payloads(data, found[places.KEY], found[places.KEY_SIZE]),
            Payloads(data, found[places.VALUE], found[places.VALUE_SIZE]),
            self._headers(found[places.HEADERS], found[places.HEADER_COUNT]),
        )

    def _times(self, deltas: Ints) -> Ints:
        if self.timestamp_type == self.LOG_APPEND_TIME:
            return np.full(len(deltas), self.max_timestamp, np.int64)
        return deltas + self.first_timestamp

    def _headers(self, begins: Ints, counts: Ints) -> list[Headers] | None:
        if not counts.any():
            return None
        headers: list[Headers] = [()] * len(counts)
        for row in np.flatnonzero(counts).tolist():
            headers[row] = list(self._headers_at(int(begins[row]), int(counts[row])))
        return headers

    def _headers_at(self, at: int, count: int) -> Iterator[tuple[str, bytes]]:
        for _ in range(count):
            size, at = decode_varint(self._buffer, at)
            name, at = self._buffer[at : at + size], at + size
            size, at = decode_varint(self._buffer, at)
            text, at = bytes(self._buffer[at : at + max(size, 0)]), at + max(size, 0)
            yield name.decode("utf-8", "replace"), text


class _ColumnRecords(MemoryRecords):
    """A fetched byte range, read batch by batch; formats 0 and 1, from before 2017, stay with kafka-python."""

    __slots__ = ()

    def next_batch(self) -> DefaultRecordBatch | LegacyRecordBatch | None:
        waiting = self._next_slice
        if waiting is None or len(waiting) < self.MIN_SLICE or waiting[self.MAGIC_OFFSET] < _FIRST_COLUMN_FORMAT:
            return super().next_batch()
        self._cache_next()
        return _ColumnBatch(waiting)


class _Taken:
    """What a partition gave to a poll: as long as its records, iterated by batch."""

    def __init__(self) -> None:
        self._records = 0
        self._batches: list[ConsumerRecord] = []

    def __len__(self) -> int:
        return self._records

    def __iter__(self) -> Iterator[ConsumerRecord]:
        return iter(self._batches)

    def add(self, batch: ConsumerRecord) -> None:
        self._records += len(batch.value) if isinstance(batch.value, RecordColumns) else 1
        self._batches.append(batch)


class _PartitionColumns(Fetcher.PartitionRecords):
    """The fetched records of one partition; a poll takes whole batches until it has enough records."""

    def __init__(self, fetch_offset: int, tp: TopicPartition, records: MemoryRecords, **options: object) -> None:
        super().__init__(fetch_offset, tp, _ColumnRecords(records._buffer), **options)  # noqa: SLF001

    def take(self, n: int | None = None) -> _Taken:
        taken = _Taken()
        while self and (n is None or len(taken) < n):
            try:
                batch = super().take(1)
            except Exception as error:
                if not taken:
                    raise
                self._next_inline_exception = error
                break
            for one in batch:
                taken.add(one)
        return taken


def read_columns(consumer: KafkaConsumer) -> KafkaConsumer:
    """Make a consumer's polls give batches."""
    consumer._fetcher.PartitionRecords = _PartitionColumns  # noqa: SLF001
    return consumer


def columns_of(batches: Sequence[ConsumerRecord]) -> list[RecordColumns]:
    """Give what a poll got of one partition, in order."""
    parts: list[RecordColumns] = []
    for in_columns, run in groupby(batches, lambda batch: isinstance(batch.value, RecordColumns)):
        found = list(run)
        parts += [batch.value for batch in found] if in_columns else [RecordColumns.of(found)]
    return parts


def _time_of(record: ConsumerRecord) -> int:
    return NO_TIME if record.timestamp_type is None else record.timestamp


def _moved(parts: Sequence[Payloads], data: Bytes, shifts: Ints) -> Payloads:
    begins = [part.begins + shift for part, shift in zip(parts, shifts, strict=False)]
    return Payloads(data, np.concatenate(begins), np.concatenate([part.sizes for part in parts]))
