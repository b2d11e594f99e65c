"""A broker, topics full of records, and the floor: what kafka-python needs to poll them and do nothing."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks.processes import apart
from ingest.kafka_source import FETCH, POLL_RECORDS
from schemas.fields import format_time, micros, parse_time
from tests.services.broker import SERVING, kafka_service

PARTITIONS: Final = 4
QUIET: Final = timedelta(hours=12)


@contextmanager
def broker() -> Iterator[str]:
    """Run a broker and give its address."""
    with TemporaryDirectory(prefix="tokentrail-bench-") as folder:
        service = kafka_service(Path(folder), SERVING)
        service.start()
        try:
            yield service.address
        finally:
            service.remove()


def alerts_of(topic: str) -> str:
    """Give the name of the topic of alerts beside a topic of events."""
    return f"{topic}-alerts"


def create(bootstrap: str, topic: str) -> None:
    """Create a topic of events that keeps them whatever their time, and the topic of alerts beside it."""
    kept = {"retention.ms": "-1"}
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        for name in (topic, alerts_of(topic)):
            admin.create_topics(
                {name: {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": kept}},
                wait_for_metadata=True,
            )


def fill(bootstrap: str, records: Iterable[bytes]) -> str:
    """Put records on a topic of their own, keyed by subject, with a topic for alerts beside it; give its name.

    Hours later every partition has one last event, so that all that was found before is closed.
    """
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    create(bootstrap, topic)
    moment = 0
    with KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, compression_type="lz4") as producer:
        for record in records:
            event = orjson.loads(record)
            key = event.get("sub") or event.get("client_id") or event["event_id"]
            moment = parse_time(event["time"])
            producer.send(topic, record, key.encode(), timestamp_ms=moment // 1_000)
        end = moment + micros(QUIET)
        for partition in range(PARTITIONS):
            producer.send(topic, _last(end, partition), partition=partition, timestamp_ms=end // 1_000)
        producer.flush()
    return topic


def _last(time: int, partition: int) -> bytes:
    return orjson.dumps(
        {
            "event_id": f"last-{time}-{partition}",
            "type": "key-use",
            "time": format_time(time),
            "client_id": "bench",
            "key_id": "bench",
            "operation": "verify",
        }
    )


def poll_only(bootstrap: str, topic: str, rounds: int) -> tuple[float, float]:
    """Poll a topic to its end with the worker's own settings; CPU and wall seconds, medians."""
    runs = [apart(_poll, bootstrap, topic) for _ in range(rounds)]
    return statistics.median(cpu for cpu, _ in runs), statistics.median(wall for _, wall in runs)


def _poll(bootstrap: str, topic: str) -> tuple[float, float]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, **FETCH)
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    left = sum(consumer.end_offsets(partitions).values())
    cpu, wall = time.process_time(), time.monotonic()
    while left > 0:
        left -= sum(map(len, consumer.poll(timeout_ms=500, max_records=POLL_RECORDS).values()))
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    consumer.close(autocommit=False)
    return cpu, wall
