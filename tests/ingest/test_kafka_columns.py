"""Batches read as columns hold what kafka-python gives record by record."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c

from ingest.kafka_columns import RecordColumns, columns_of, read_columns
from ingest.kernels.batches import CORRUPT, PLACES, read_batch
from tests.services.service import Service

MakeTopic = Callable[[int], str]
Record = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]

RECORDS: list[Record] = [
    (b"key", b'{"a":1}', []),
    (None, b"", [("trace", b"1"), ("", b""), ("null", None)]),
    (b"", None, []),
    (b"k" * 300, b"v" * 70_000, [("\u00e9", b"\xff" * 200)]),
]
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
HEADER_BYTES = 61
COUNT_AT = 57


class Opened:
    """A consumer's fetcher without a broker: fetched bytes go in, a poll's batches come out."""

    def __init__(self, data: bytes, fetch_offset: int = 0, *, plain: bool = False) -> None:
        class Consumer:
            _fetcher = Fetcher.__new__(Fetcher)

        kind = Fetcher.PartitionRecords if plain else read_columns(Consumer())._fetcher.PartitionRecords  # type: ignore[arg-type]
        self.part: Any = kind(fetch_offset, TopicPartition("t", 0), MemoryRecords(data))

    def take(self, n: int | None = None) -> list[Any]:
        return list(self.part.take(n))


def built(records: Sequence[Record], codec: int = 0, magic: int = 2, first_offset: int = 0) -> bytes:
    builder = MemoryRecordsBuilder(magic, codec, 1 << 24, offset=first_offset)
    for number, (key, value, headers) in enumerate(records):
        builder.append(1_000 + number, key, value, headers if magic == 2 else [])
    builder.close()
    return bytes(builder.buffer())


def plainly(columns: RecordColumns) -> list[tuple[Any, ...]]:
    headers = columns.headers or [()] * len(columns)
    return list(
        zip(
            columns.offsets.tolist(),
            columns.times.tolist(),
            columns.keys,
            columns.values,
            map(list, headers),
            strict=True,
        )
    )


def one_by_one(records: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What kafka-python gives; a header without a value counts as an empty one."""
    return [
        (
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            [(name, text or b"") for name, text in record.headers],
        )
        for record in records
    ]


@pytest.mark.parametrize("codec", range(len(CODECS)))
def test_every_codec_gives_what_kafka_python_gives(codec: int) -> None:
    data = built(RECORDS, codec) + built(RECORDS[::-1], codec, first_offset=10)
    columns = RecordColumns.concat(columns_of(Opened(data).take()))
    assert plainly(columns) == one_by_one(Opened(data, plain=True).take())
    assert len(columns) == 2 * len(RECORDS)


@given(
    st.lists(
        st.tuples(
            st.none() | st.binary(max_size=80),
            st.none() | st.binary(max_size=200),
            st.lists(st.tuples(st.text(max_size=4), st.none() | st.binary(max_size=9)), max_size=3),
        ),
        min_size=1,
        max_size=70,
    )
)
def test_any_record_is_read_as_kafka_python_reads_it(records: list[Record]) -> None:
    data = built(records)
    assert plainly(RecordColumns.concat(columns_of(Opened(data).take()))) == one_by_one(Opened(data, plain=True).take())


@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats_are_read_too_and_may_stand_beside_the_new_one(magic: int) -> None:
    data = built(RECORDS, magic=magic) + built(RECORDS, first_offset=4)
    columns = RecordColumns.concat(columns_of(Opened(data).take()))
    assert [(offset, key, value) for offset, _, key, value, _ in plainly(columns)] == [
        (offset, key, value) for offset, _, key, value, _ in one_by_one(Opened(data, plain=True).take())
    ]


def test_a_poll_takes_whole_batches_until_it_has_enough() -> None:
    opened = Opened(b"".join(built(RECORDS, first_offset=4 * number) for number in range(3)))
    first, second, third = (opened.part.take(5) for _ in range(3))
    assert [len(first), len(second), len(third)] == [8, 4, 0]
    assert [part.offsets.tolist() for part in columns_of(list(first))] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_records_before_the_wanted_offset_are_left_out() -> None:
    (batch,) = columns_of(Opened(built(RECORDS), fetch_offset=2).take())
    assert batch.since(2).offsets.tolist() == [2, 3]
    assert list(batch.since(2).values) == [value for _, value, _ in RECORDS[2:]]


def spoiled(data: bytes, at: int, byte: int) -> bytes:
    """Change a byte and mend the checksum, as a hostile producer would."""
    changed = bytearray(data)
    changed[at] = byte
    struct.pack_into(">I", changed, 17, calc_crc32c(memoryview(changed)[21:]))
    return bytes(changed)


@example(64, 1)
@example(93, 13)
@example(93, 93)
@given(st.integers(COUNT_AT, len(built(RECORDS[:3])) - 1), st.integers(0, 255))
def test_lying_lengths_are_corrupt_or_read_as_kafka_python_reads_them(at: int, byte: int) -> None:
    data = spoiled(built(RECORDS[:3]), at, byte)
    try:
        expected = one_by_one(Opened(data, plain=True).take())
    except Exception:  # noqa: BLE001 # whatever it stumbles over
        expected = []
    try:
        found = plainly(RecordColumns.concat(columns_of(Opened(data).take())))
    except CorruptRecordError:
        return
    # Only the source leaves out what lies before the wanted offset.
    expected, found = ([record for record in records if record[0] >= 0] for records in (expected, found))
    assert found[: len(expected)] == expected or any("\ufffd" in name for *_, headers in found for name, _ in headers)


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ("00", 1),
        ("02 02 61 01", 1),  # a name of one byte, a value of none
        ("80 80 80 80 80 80 80 80 80 01", CORRUPT),  # 2 ** 62 headers: twice that is no number any more
        ("02 01 00", CORRUPT),  # a name of -1 bytes
        ("02 82 80 80 80 80 80 80 80 80 02 61 00", CORRUPT),  # a size of more than 64 bits
        ("02 02 61", CORRUPT),
    ],
)
def test_no_length_of_a_header_leads_out_of_its_record(headers: str, answer: int) -> None:
    rest = bytes([0, 0, 0, 1, 1]) + bytes.fromhex(headers)
    data = np.frombuffer(bytearray([2 * len(rest)]) + rest, np.uint8)
    assert read_batch(data, 0, np.empty((PLACES, 1), np.int64)) == answer


def test_a_wrong_checksum_is_corrupt_after_what_came_before_it() -> None:
    data = bytearray(built(RECORDS) + built(RECORDS, first_offset=4))
    data[-1] ^= 1
    opened = Opened(bytes(data))
    assert len(opened.part.take(20)) == len(RECORDS)
    with pytest.raises(CorruptRecordError):
        opened.take(20)


@pytest.mark.parametrize("codec", CODECS)
def test_a_real_topic_reads_the_same_both_ways(kafka_broker: Service, make_topic: MakeTopic, codec: str | None) -> None:
    topic = make_topic(1)
    with KafkaProducer(bootstrap_servers=kafka_broker.address, compression_type=codec, linger_ms=20) as producer:
        for number in range(500):
            key, value, headers = RECORDS[number % 3]
            producer.send(topic, value, key, [(n, v or b"") for n, v in headers], partition=0, timestamp_ms=number)
        producer.flush()

    def polled(*, columns: bool) -> list[Any]:
        consumer = KafkaConsumer(bootstrap_servers=kafka_broker.address, enable_auto_commit=False)
        if columns:
            read_columns(consumer)
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        end, found = TopicPartition(topic, 0), []
        while consumer.position(end) < 500:  # type: ignore[operator]
            for batch in consumer.poll(timeout_ms=500, max_records=100).values():
                found += batch
        consumer.close(autocommit=False)
        return found

    assert plainly(RecordColumns.concat(columns_of(polled(columns=True)))) == one_by_one(polled(columns=False))
