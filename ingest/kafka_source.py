"""Token events off a Kafka topic: all partitions, raw bytes, offsets owned by the checkpoint.

Delivery: every record from the given offsets on is delivered at least once, in offset order within its partition.
What breaks that is reported, never passed over: records that expired before they were read, a topic that was made
anew, a batch that the client cannot unpack (it becomes a dead-letter marker).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import numpy as np
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from ingest.kafka_columns import RecordColumns, columns_of, read_columns
from ingest.records import DeadLetter, DeadReason, RawRecords
from ingest.source import Polled
from schemas.columns import NULL_TIME
from schemas.errors import SourceError

POLL_RECORDS: Final = 20_000
# Small bites of each partition keep them level: what one brings ahead of the others waits in the order buffer.
FETCH: Final = {
    "fetch_max_bytes": 50 * 1024 * 1024,
    "max_partition_fetch_bytes": 2 * 1024 * 1024,
    # A trickle is gathered by the broker for a moment: each batch has a cost of its own.
    "fetch_min_bytes": 256 * 1024,
    "fetch_max_wait_ms": 20,
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "metadata_max_age_ms": 30_000,
}
END_CHECK_SECONDS: Final = 1.0
BROKER_ANSWER_MS: Final = 2_000

FirstStart = Literal["earliest", "latest"]


class KafkaSource:
    """Consumer of all partitions of one topic by `assign`.

    Args:
        topic: the topic.
        client: settings for `KafkaConsumer` (`bootstrap_servers`, TLS, SASL, `group_id` for lag tools).
        offsets: partition → next offset, from the checkpoint.
        first_start: where a partition without an offset starts when the checkpoint has none at all; partitions that
            appear later always start at their beginning.

    Raises:
        SourceError: no broker answers, or the topic does not exist.
    """

    def __init__(
        self,
        topic: str,
        client: Mapping[str, Any],
        *,
        offsets: Mapping[int, int],
        first_start: FirstStart = "earliest",
    ) -> None:
        self.topic = topic
        self._place = f"kafka topic {topic}"
        self._client = {**FETCH, **client}
        self._consumer = self._connected()
        self.delivered: dict[int, int] = {}
        self._held: set[int] = set()
        self._ends: dict[int, int] = {}
        self._ends_at = float("-inf")
        self._notices: list[str] = []
        self._assign(offsets, first_start)

    def _connected(self) -> KafkaConsumer:
        try:
            return read_columns(KafkaConsumer(**self._client))
        except KafkaError as error:
            raise SourceError(
                f"no broker answers: {error}",
                place=self._place,
                next_step="check bootstrap_servers, TLS and SASL settings",
            ) from error

    @property
    def partitions(self) -> set[int]:
        """Partitions that are read."""
        return set(self.delivered)

    def _assign(self, offsets: Mapping[int, int], first_start: FirstStart) -> None:
        found = self._consumer.partitions_for_topic(self.topic)
        if not found:
            self._consumer.close(timeout_ms=BROKER_ANSWER_MS)
            raise SourceError("no such topic", place=self._place, next_step="create it: tokentrail topics create")
        here = {number: self._tp(number) for number in sorted(found)}
        at_start = first_start == "latest" and not offsets
        origin = self._consumer.end_offsets if at_start else self._consumer.beginning_offsets
        unknown = [tp for number, tp in here.items() if number not in offsets]
        starts = origin(unknown) if unknown else {}
        self.delivered = {number: offsets[number] if number in offsets else starts[tp] for number, tp in here.items()}
        self._attach(self.partitions)

    def _tp(self, number: int) -> TopicPartition:
        return TopicPartition(self.topic, number)

    def poll(self, seconds: float) -> Polled:
        """Wait up to `seconds` for records. A broker that is away gives an empty poll, not an error."""
        self._discover()
        markers: list[DeadLetter] = []
        if self._held == self.partitions:
            time.sleep(seconds)
            return Polled(self._records({}), markers, self._take_notices())
        try:
            fetched = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=POLL_RECORDS)
        except OffsetOutOfRangeError as error:
            self._back_in_range(error)
            fetched = {}
        except KafkaError as error:
            markers = self._skip_unreadable(error)
            fetched = {}
        return Polled(self._records(fetched), markers, self._take_notices())

    def _take_notices(self) -> list[str]:
        notices, self._notices = self._notices, []
        return notices

    def _records(self, fetched: Mapping[TopicPartition, list[Any]]) -> RawRecords:
        parts, numbers = [], []
        for tp, batches in fetched.items():
            for part in columns_of(batches):
                new = part.since(self.delivered[tp.partition])
                if not len(new):
                    continue
                self.delivered[tp.partition] = int(new.offsets[-1]) + 1
                parts.append(new)
                numbers.append(np.full(len(new), tp.partition, np.int32))
        records = RecordColumns.concat(parts)
        return RawRecords(
            values=records.values,
            origin=self.topic,
            offsets=records.offsets,
            partition=np.concatenate([np.empty(0, np.int32), *numbers]),
            record_time=np.where(records.times < 0, NULL_TIME, records.times * 1_000),
            keys=records.keys,
            headers=records.headers,
        )

    def _discover(self) -> None:
        found = self._consumer.partitions_for_topic(self.topic) or set()
        added = found - self.partitions
        if not added:
            return
        starts = self._consumer.beginning_offsets([self._tp(number) for number in added])
        for tp, start in starts.items():
            self.delivered[tp.partition] = start
        self._attach(added)
        self._notices.append(f"{self.topic}: partitions {sorted(added)} were added, reading them from their beginning")

    def _attach(self, numbers: Iterable[int]) -> None:
        """Read all partitions but the held ones, and position some of them at what was delivered."""
        read = self.partitions - self._held
        if read:
            self._consumer.assign([self._tp(number) for number in sorted(read)])
        for number in read & set(numbers):
            self._consumer.seek(self._tp(number), self.delivered[number])

    def _back_in_range(self, error: OffsetOutOfRangeError) -> None:
        tps = [self._tp(number) for number in self.partitions]
        first = self._consumer.beginning_offsets(tps)
        last = self._consumer.end_offsets(tps)
        for tp in tps:
            wanted = self.delivered[tp.partition]
            if wanted < first[tp]:
                what = f"offsets {wanted} to {first[tp] - 1} expired before they were read"
            elif wanted > last[tp]:
                what = f"offset {wanted} lies behind the end {last[tp]}: the topic was made anew"
            else:
                continue
            self.delivered[tp.partition] = first[tp]
            self._notices.append(f"{self.topic}[{tp.partition}]: {what}; reading on from {first[tp]} ({error})")
        self._attach(self.partitions)

    def _skip_unreadable(self, error: KafkaError) -> list[DeadLetter]:
        # The client keeps a half-unpacked fetch and would wait on it for ever: only a new one goes on.
        self.close()
        self._consumer = self._connected()
        markers = []
        for number, first in sorted(self.delivered.items()):
            end = self._consumer.end_offsets([self._tp(number)])[self._tp(number)]
            if first >= end or self._readable(number, first):
                continue
            after = self._first_readable(number, first + 1, end)
            detail = f"records {first} to {after - 1} cannot be unpacked and were skipped: {error}"
            markers.append(DeadLetter(DeadReason.CORRUPT_BATCH, detail, None, self.topic, number, first))
            self.delivered[number] = after
        self._attach(self.partitions)
        return markers

    def _readable(self, number: int, offset: int) -> bool:
        """Try one fetch with a client of its own; a broker that does not answer counts as readable."""
        probe = self._connected()
        try:
            probe.assign([self._tp(number)])
            probe.seek(self._tp(number), offset)
            probe.poll(timeout_ms=BROKER_ANSWER_MS, max_records=1)
        except OffsetOutOfRangeError:
            return True
        except KafkaError:
            return False
        finally:
            probe.close(autocommit=False, timeout_ms=BROKER_ANSWER_MS)
        return True

    def _first_readable(self, number: int, low: int, end: int) -> int:
        """Find the end of an unreadable batch by doubling, then bisection: a fetch inside a batch gives all of it."""
        step, high = 1, low
        while high < end and not self._readable(number, high):
            low, high, step = high + 1, min(high + step, end), step * 2
        while low < high:
            middle = (low + high) // 2
            if self._readable(number, middle):
                high = middle
            else:
                low = middle + 1
        return high

    def drained(self, taken: Mapping[int, int]) -> set[int]:
        """Partitions that are read to their end, as a fresh answer of the broker says; none while it is away.

        Args:
            taken: partition → next offset that the caller has fully taken in.
        """
        now = time.monotonic()
        if now - self._ends_at >= END_CHECK_SECONDS:
            self._ends_at = now
            try:
                ends = self._consumer.end_offsets(list(map(self._tp, self.partitions)), timeout_ms=BROKER_ANSWER_MS)
            except KafkaError:
                self._ends = {}
            else:
                self._ends = {tp.partition: self._last_end(tp.partition, end) for tp, end in ends.items()}
        return {number for number, end in self._ends.items() if taken.get(number, -1) >= end}

    def _last_end(self, number: int, end: int) -> int:
        """Give the offset after the last record before `end`, as far as was read."""
        return min(end, self.delivered[number]) if self.has_reached(number, end) else end

    def has_reached(self, number: int, end: int) -> bool:
        """Tell whether every record of a partition before `end` was delivered.

        Marks of transactions and compaction leave offsets without a record, so the client may be further on than the
        last record is.
        """
        if self.delivered[number] >= end:
            return True
        return number not in self._held and self._position(number) >= end

    def _position(self, number: int) -> int:
        """Give the next offset that is fetched, or what was delivered while the broker does not answer."""
        try:
            position = self._consumer.position(self._tp(number), timeout_ms=BROKER_ANSWER_MS)
        except KafkaError:
            position = None
        return self.delivered[number] if position is None else int(position)

    def ends(self) -> dict[int, int]:
        """Ask for the end of each partition now."""
        ends = self._consumer.end_offsets(list(map(self._tp, self.partitions)))
        return {tp.partition: end for tp, end in ends.items()}

    def lag(self) -> dict[int, int]:
        """Records behind the end of each partition, by the latest answer of the broker."""
        return {number: max(0, end - self.delivered[number]) for number, end in self._ends.items()}

    def hold(self, numbers: Iterable[int]) -> None:
        """Fetch nothing from these partitions for now; from all others again.

        By `assign`, not by `pause`: in kafka-python 3.0.12 a partition that is paused while its records are half read
        may stay silent after `resume` (docs/decisions/0007).
        """
        held = set(numbers) & self.partitions
        if held != self._held:
            back, self._held = self._held - held, held
            self._attach(back)

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Tell the broker where we are, for lag tools only. A failure is a notice: the checkpoint owns the offsets."""
        marks = {self._tp(number): OffsetAndMetadata(offset, "", -1) for number, offset in offsets.items()}
        try:
            self._consumer.commit(marks, timeout_ms=BROKER_ANSWER_MS)
        except KafkaError as error:
            self._notices.append(f"{self.topic}: offsets not committed for lag tools: {error}")

    def close(self) -> None:
        """Leave within a bounded time."""
        self._consumer.close(autocommit=False, timeout_ms=BROKER_ANSWER_MS)
