"""The Kafka source against a real broker: nothing skipped without a word, nothing read twice without need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from ingest import kafka_source
from ingest.kafka_source import KafkaSource
from ingest.records import DeadReason
from ingest.source import Polled
from schemas.errors import SourceError
from tests.services.service import Service

MakeTopic = Callable[[int], str]


@contextmanager
def source(broker: Service, topic: str, **options: object) -> Iterator[KafkaSource]:
    opened = KafkaSource(topic, {"bootstrap_servers": broker.address}, **{"offsets": {}, **options})  # type: ignore[arg-type]
    try:
        yield opened
    finally:
        opened.close()


def send(
    broker: Service, topic: str, partition: int, values: list[bytes], timestamp_ms: int = 1_000, batch: int = 1_000
) -> None:
    with KafkaProducer(bootstrap_servers=broker.address, linger_ms=50) as producer:
        for start in range(0, len(values), batch):
            for value in values[start : start + batch]:
                producer.send(topic, value, partition=partition, timestamp_ms=timestamp_ms)
            producer.flush()


def read(opened: KafkaSource, wanted: int, seconds: float = 20) -> list[Polled]:
    """Poll until so many records or any marker came."""
    polls: list[Polled] = []
    until = time.monotonic() + seconds
    while sum(len(polled.records) for polled in polls) < wanted and time.monotonic() < until:
        polls.append(opened.poll(0.2))
    return polls


def values(polls: list[Polled]) -> list[bytes | None]:
    return [value for polled in polls for value in polled.records.values]


def spoil(folder: Path, text: bytes) -> None:
    """Change one byte of a stored batch behind the broker's back, so that its checksum is wrong."""
    (segment,) = folder.glob("*.log")
    content = segment.read_bytes()
    at = content.index(text)
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(b"X")


def test_records_come_raw_with_their_place_and_time(kafka_broker: Service, make_topic: MakeTopic) -> None:
    topic = make_topic(2)
    send(kafka_broker, topic, 0, [b"a", b"b"], timestamp_ms=1_767_225_600_123)
    send(kafka_broker, topic, 1, [b"\xff"])
    with source(kafka_broker, topic) as opened:
        polls = read(opened, 3)
        places = {
            (int(partition), int(offset), value)
            for polled in polls
            for partition, offset, value in zip(
                polled.records.partition, polled.records.offsets, polled.records.values, strict=True
            )
        }
        assert places == {(0, 0, b"a"), (0, 1, b"b"), (1, 0, b"\xff")}
        times = {int(time) for polled in polls for time in polled.records.record_time}
        assert times == {1_767_225_600_123_000, 1_000_000}
        assert opened.delivered == {0: 2, 1: 1}


def test_reading_goes_on_at_the_checkpoint_and_new_partitions_begin_at_their_start(
    kafka_broker: Service, make_topic: MakeTopic
) -> None:
    topic = make_topic(2)
    send(kafka_broker, topic, 0, [b"old", b"new"])
    send(kafka_broker, topic, 1, [b"unseen"])
    with source(kafka_broker, topic, offsets={0: 1}) as opened:
        assert sorted(values(read(opened, 2))) == [b"new", b"unseen"]  # type: ignore[type-var]


def test_a_first_start_may_begin_at_the_end(kafka_broker: Service, make_topic: MakeTopic) -> None:
    topic = make_topic(1)
    send(kafka_broker, topic, 0, [b"old"])
    with source(kafka_broker, topic, first_start="latest") as opened:
        send(kafka_broker, topic, 0, [b"new"])
        assert values(read(opened, 1)) == [b"new"]


def test_added_partitions_are_found_and_reported(kafka_broker: Service, make_topic: MakeTopic) -> None:
    topic = make_topic(1)
    options = {"bootstrap_servers": kafka_broker.address, "metadata_max_age_ms": 200}
    opened = KafkaSource(topic, options, offsets={})
    try:
        with KafkaAdminClient(bootstrap_servers=kafka_broker.address) as admin:
            admin.create_partitions({topic: 2})
        notices: list[str] = []
        until = time.monotonic() + 20
        while not notices and time.monotonic() < until:
            notices += opened.poll(0.2).notices
        assert notices == [f"{topic}: partitions [1] were added, reading them from their beginning"]
        send(kafka_broker, topic, 1, [b"hello"])
        assert values(read(opened, 1)) == [b"hello"]
    finally:
        opened.close()


def test_expired_offsets_are_reported_with_what_is_lost(kafka_broker: Service, make_topic: MakeTopic) -> None:
    topic = make_topic(1)
    send(kafka_broker, topic, 0, [b"1", b"2", b"3", b"4"])
    with source(kafka_broker, topic, offsets={0: 1}) as opened:
        with KafkaAdminClient(bootstrap_servers=kafka_broker.address) as admin:
            admin.delete_records({TopicPartition(topic, 0): 3})
        polls = read(opened, 1)
        assert values(polls) == [b"4"]
        notices = [notice for polled in polls for notice in polled.notices]
        assert len(notices) == 1
        assert f"{topic}[0]: offsets 1 to 2 expired before they were read; reading on from 3" in notices[0]


def test_a_topic_made_anew_is_reported(kafka_broker: Service, make_topic: MakeTopic) -> None:
    topic = make_topic(1)
    send(kafka_broker, topic, 0, [b"only"])
    with source(kafka_broker, topic, offsets={0: 500}) as opened:
        polls = read(opened, 1)
        assert values(polls) == [b"only"]
        assert any("the topic was made anew" in notice for polled in polls for notice in polled.notices)


def test_a_batch_that_cannot_be_unpacked_becomes_a_marker_and_the_rest_is_read(
    kafka_broker: Service, kafka_folder: Path, make_topic: MakeTopic
) -> None:
    topic = make_topic(2)
    send(kafka_broker, topic, 1, [b"other partition"])
    send(kafka_broker, topic, 0, [b"before"])
    send(kafka_broker, topic, 0, [b"spoiled-1", b"spoiled-2", b"spoiled-3"])
    send(kafka_broker, topic, 0, [b"after"])
    spoil(kafka_folder / "data" / f"{topic}-0", b"spoiled-2")
    with source(kafka_broker, topic) as opened:
        polls = read(opened, 3)
        markers = [marker for polled in polls for marker in polled.markers]
        assert sorted(filter(None, values(polls))) == [b"after", b"before", b"other partition"]
    assert [(marker.reason, marker.partition, marker.offset) for marker in markers] == [
        (DeadReason.CORRUPT_BATCH, 0, 1)
    ]
    assert "records 1 to 3 cannot be unpacked" in markers[0].detail


def test_partitions_are_drained_only_by_a_fresh_answer_of_the_broker(
    kafka_broker: Service, make_topic: MakeTopic
) -> None:
    topic = make_topic(2)
    send(kafka_broker, topic, 0, [b"a"])
    with source(kafka_broker, topic) as opened:
        read(opened, 1)
        assert opened.drained({0: 0, 1: 0}) == {1}
        assert opened.drained({0: 1, 1: 0}) == {0, 1}
        assert opened.lag() == {0: 0, 1: 0}


def test_behind_the_mark_of_a_transaction_a_partition_is_drained(
    kafka_broker: Service, make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_source, "END_CHECK_SECONDS", 0)
    topic = make_topic(1)
    with KafkaProducer(bootstrap_servers=kafka_broker.address, transactional_id=topic) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"a", partition=0)
        producer.commit_transaction()
    with source(kafka_broker, topic) as opened:
        assert opened.drained({0: 0}) == set()
        read(opened, 1)
        opened.poll(0.2)
        assert opened.ends() == {0: 2}
        assert opened.drained({0: 0}) == set()
        assert opened.drained({0: 1}) == {0}
        assert opened.lag() == {0: 0}


def test_held_partitions_wait(kafka_broker: Service, make_topic: MakeTopic) -> None:
    topic = make_topic(2)
    with source(kafka_broker, topic) as opened:
        opened.hold([0])
        send(kafka_broker, topic, 0, [b"held"])
        send(kafka_broker, topic, 1, [b"free"])
        assert values(read(opened, 1)) == [b"free"]
        opened.hold([])
        assert values(read(opened, 1)) == [b"held"]


def test_a_partition_held_half_read_goes_on_where_it_was(
    kafka_broker: Service, make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = make_topic(2)
    sent = {number: [f"{number}-{at}".encode() for at in range(300)] for number in range(2)}
    for number, records in sent.items():
        send(kafka_broker, topic, number, records, batch=10)
    monkeypatch.setattr(kafka_source, "POLL_RECORDS", 7)
    with source(kafka_broker, topic) as opened:
        polls: list[Polled] = []
        for turn in range(30):
            opened.hold([turn % 3])
            polls += read(opened, 7)
        opened.hold([0, 1])
        assert values([opened.poll(0.1)]) == []
        opened.hold([])
        polls += read(opened, 600 - len(values(polls)))
    for number, records in sent.items():
        assert [value for value in values(polls) if value and value.startswith(b"%d-" % number)] == records


def test_a_missing_topic_and_a_missing_broker_say_what_to_do(kafka_broker: Service) -> None:
    with pytest.raises(SourceError, match="no such topic; create it: tokentrail topics create"):
        KafkaSource("does-not-exist", {"bootstrap_servers": kafka_broker.address}, offsets={})
    nowhere = {"bootstrap_servers": "127.0.0.1:1", "bootstrap_timeout_ms": 500}
    with pytest.raises(SourceError, match="no broker answers"):
        KafkaSource("any", nowhere, offsets={})
