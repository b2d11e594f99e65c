"""From an event to its alert on the topic, beyond the lateness, under load and with millions of tokens in the state.

A worker starts from a checkpoint with five million tokens, then 5 000 events a second come in, and every tenth of a
second somebody tries one password too many. The alert of each is awaited on the topic; its event time is the wall clock
of its last try. Checkpoints run all the while.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from app.settings import Settings
from app.wiring import config_digest, limits, new_pipeline, open_store
from app.working import work
from benchmarks.figures import Figure
from benchmarks.population import TOKENS, USERS, populate
from benchmarks.processes import apart
from benchmarks.streams import mix
from benchmarks.topics import PARTITIONS, alerts_of, broker, create
from benchmarks.worker import HASH_KEY, settings
from engines.checkpoints import Checkpointer
from engines.chunks import ChunkFolder
from ingest.simulator import Traffic
from schemas.fields import format_time, micros, parse_time
from store.lease import Lease

RATE: Final = 5_000
SECONDS: Final = 60
WARM_UP_SECONDS: Final = 20
TOPIC: Final = "bench-latency"
TRIES: Final = 12
"""Wrong passwords of one burst; the tenth makes an alert."""
BURSTS_A_SECOND: Final = 10
SLICE_SECONDS: Final = 0.02
GOAL_MS: Final = 300


def measure(users: int = USERS, tokens: int = TOKENS) -> list[Figure]:
    """Give median and p99 in milliseconds."""
    os.environ["TOKENTRAIL_HASH_KEY"] = HASH_KEY
    with broker() as bootstrap, TemporaryDirectory(prefix="tokentrail-bench-") as folder:
        create(bootstrap, TOPIC)
        chosen = settings(bootstrap, TOPIC, Path(folder), {"worker": {"port": 0}})
        reached = apart(_prepare, chosen, users, tokens)
        with _running(work, chosen) as worker, _running(_send, bootstrap):
            found = sorted(_latencies(bootstrap, micros(chosen.source.lateness), worker))
    if len(found) < SECONDS * BURSTS_A_SECOND // 2:
        raise AssertionError(f"{len(found)} alerts came of {SECONDS * BURSTS_A_SECOND}")
    note = f"{len(found)} alerts at {RATE} events/s, {reached:,} tokens in state"
    p99 = found[int(0.99 * len(found))]
    return [
        Figure("event to alert beyond lateness, p99", p99, "ms", GOAL_MS, at_most=True, note=note),
        Figure("event to alert beyond lateness, median", statistics.median(found), "ms"),
    ]


def _prepare(chosen: Settings, users: int, tokens: int) -> int:
    """Leave a checkpoint with the whole population; give the number of tokens."""
    database, reached = open_store(chosen), 0
    pipeline = new_pipeline(chosen)
    lease = Lease(database, "bench", limits(chosen).lease)
    epoch = lease.acquire() or 0
    chosen.store.state.mkdir(parents=True, exist_ok=True)
    checkpointer = Checkpointer(database, ChunkFolder(chosen.store.state), epoch)
    end = time.time_ns() // 1_000 - micros(limits(chosen).lateness)
    for _, given in populate(pipeline, end, users, tokens):
        checkpointer.begin(pipeline, dict.fromkeys(range(PARTITIONS), 0))
        checkpointer.finish(config_digest(chosen))
        lease.renew(epoch)
        reached = given
    checkpointer.close()
    lease.release(epoch)
    database.close()
    return reached


@contextmanager
def _running(target: Callable[[Settings], None] | Callable[[str], None], argument: object) -> Iterator[BaseProcess]:
    process = get_context("spawn").Process(target=target, args=(argument,))
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join()


def _send(bootstrap: str) -> None:
    """Send the mix at an even rate as if it happened now, as late as it was, and the bursts, until terminated."""
    traffic = Traffic(rate=float(RATE), users=200_000)
    events = [orjson.loads(record) for record in mix(RATE * (SECONDS + 2 * WARM_UP_SECONDS), traffic)]
    times = np.array([parse_time(event["time"]) for event in events])
    lags = np.maximum.accumulate(times) - times
    # Looking through half a million events for garbage stops this process, not the worker, for more than a second.
    gc.freeze()
    sent, began = 0, time.monotonic()
    with KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, compression_type="lz4") as producer:
        while sent < len(events):
            due = int((time.monotonic() - began) * RATE)
            for event, lag in zip(events[sent:due], lags[sent:due].tolist(), strict=True):
                key = event.get("sub") or event.get("client_id") or event["event_id"]
                event["time"] = format_time(time.time_ns() // 1_000 - lag)
                producer.send(TOPIC, orjson.dumps(event), key.encode())
            if due * BURSTS_A_SECOND // RATE > sent * BURSTS_A_SECOND // RATE:
                for record in _burst(due):
                    producer.send(TOPIC, record, b"%d" % due)
            sent = due
            time.sleep(SLICE_SECONDS)


def _burst(number: int) -> Iterator[bytes]:
    now = format_time(time.time_ns() // 1_000)
    for attempt in range(TRIES):
        yield orjson.dumps(
            {
                "event_id": f"burst-{number}-{attempt}",
                "type": "verify-failure",
                "time": now,
                "sub": f"victim-{number}",
                "client_id": "bench",
                "ip": f"203.0.{number // 250 % 250}.{number % 250}",
                "reason": "bad-credentials",
            }
        )


def _latencies(bootstrap: str, lateness: int, worker: BaseProcess) -> Iterator[float]:
    """Milliseconds of each burst's first alert, after a while of warming up."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    partitions = [TopicPartition(alerts_of(TOPIC), number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    began = None
    while began is None or time.monotonic() < began + SECONDS:
        if not worker.is_alive():
            raise AssertionError("the worker has ended")
        for batch in consumer.poll(timeout_ms=200).values():
            now = time.time_ns() // 1_000
            began = began or time.monotonic() + WARM_UP_SECONDS
            for record in batch:
                alert = orjson.loads(record.value or b"{}")
                if alert.get("change") == "new" and "victim-" in str(alert["entities"]) and time.monotonic() > began:
                    yield (now - parse_time(alert["time"]) - lateness) / 1_000
    consumer.close(autocommit=False)
