"""Refused records are counted once, in the minute of their Kafka timestamp, whatever happens to the worker."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import orjson
from kafka import KafkaProducer
from sqlalchemy import text

from app.settings import from_mapping
from app.wiring import new_pipeline
from engines.checkpoints import Checkpointer
from engines.chunks import ChunkFolder
from engines.refused import KEPT, MINUTE, Refused
from ingest.records import DeadLetter, DeadReason
from ingest.simulator import Traffic, simulate
from schemas.fields import parse_time
from store.engine import Database
from store.lease import Lease
from store.queries import Queries
from tests.engines.stage import START, Crew, Stage
from tests.services.service import Service

NOON = START + 12 * 60 * MINUTE
BAD = {
    DeadReason.NOT_JSON: b"no JSON",
    DeadReason.NOT_UTF8: b'{"event_id":"\xff"}',
    DeadReason.INVALID: b'{"event_id":"e1"}',
    DeadReason.TOO_LARGE: b" " * 70_000,
}

Totals = dict[tuple[int, str], int]


def letter(minute: float, reason: DeadReason = DeadReason.NOT_JSON, *, stamped: bool = True) -> DeadLetter:
    at = NOON + int(minute * MINUTE) if stamped else None
    return DeadLetter(reason, "", b"", "topic", 0, 0, record_time=at)


def stored(database: Database) -> Totals:
    with database.read() as connection:
        rows = connection.execute(text("SELECT minute, reason, count FROM dead_letter_counts")).all()
    return {(minute, reason): count for minute, reason, count in rows}


class Leader:
    """One worker's life: what it counts is lost with it unless it was saved."""

    def __init__(self, database: Database, folder: Path) -> None:
        settings = from_mapping({"disabled": ["failed-auth-burst", "refresh-reuse", "impossible-geography"]}, "test")
        epoch = Lease(database, "worker", timedelta(0)).acquire()
        assert epoch is not None
        self._checkpointer = Checkpointer(database, ChunkFolder(folder), epoch)
        self._pipeline = self._checkpointer.restore(lambda: new_pipeline(settings)).pipeline

    def refuse(self, *letters: DeadLetter) -> None:
        self._pipeline.refused.add(letters, {})

    def save(self) -> None:
        self._checkpointer.begin(self._pipeline, {})
        self._checkpointer.finish("digest")


def test_work_done_twice_after_a_crash_writes_the_same_totals(database: Database, tmp_path: Path) -> None:
    before, after = [letter(0), letter(0.9), letter(1)], [letter(1), letter(1, DeadReason.INVALID), letter(2)]
    first = Leader(database, tmp_path)
    first.refuse(*before)
    first.save()
    first.refuse(*after)
    second = Leader(database, tmp_path)  # `first` died before it could save
    second.refuse(*after)
    second.save()
    expected = {(NOON, "not-json"): 2, (NOON + MINUTE, "not-json"): 2}
    expected |= {(NOON + MINUTE, "invalid"): 1, (NOON + 2 * MINUTE, "not-json"): 1}
    assert stored(database) == expected


def test_going_back_to_an_older_checkpoint_writes_the_same_totals(database: Database, tmp_path: Path) -> None:
    first = Leader(database, tmp_path)
    first.refuse(letter(0))
    first.save()
    first.refuse(letter(0), letter(1))
    first.save()
    newest = max(tmp_path.glob("*.chunks"), key=lambda path: path.name)
    newest.write_bytes(b"damaged")
    second = Leader(database, tmp_path)
    second.refuse(letter(0), letter(1))
    second.save()
    assert stored(database) == {(NOON, "not-json"): 2, (NOON + MINUTE, "not-json"): 1}


def test_a_record_without_a_timestamp_counts_at_the_time_its_partition_had_reached() -> None:
    refused = Refused()
    unstamped = letter(0, DeadReason.CORRUPT_BATCH, stamped=False)
    refused.add([unstamped], {0: NOON + 90_000_000, 1: NOON + 10 * MINUTE})
    refused.add([unstamped], {1: NOON + 10 * MINUTE})
    assert {(row.minute, row.count) for row in refused.changes()} == {(NOON + MINUTE, 1), (NOON + 10 * MINUTE, 1)}


def test_invented_timestamps_fill_no_memory_and_lose_no_count() -> None:
    refused = Refused()
    totals: Counter[tuple[int, str]] = Counter()
    for start in range(0, 5 * KEPT, KEPT):
        refused.add((letter(minute) for minute in range(start, start + KEPT)), {})
        totals.update({(row.minute, row.reason): row.count for row in refused.changes()})
    refused.add([letter(0), letter(1)], {})
    late = refused.changes()
    assert totals.total() == 5 * KEPT
    assert [row.count for row in late] == [3], "both count in the oldest minute that is kept, beside its own"
    assert len(orjson.loads(refused.dump())["totals"]) <= KEPT


def _with_bad_records(bootstrap: str, topic: str, count: int) -> tuple[Stage, Totals]:
    events = list(simulate(7, START, events=count, traffic=Traffic(rate=50.0)))
    totals: Counter[tuple[int, str]] = Counter()
    draw = random.Random(1)
    with KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, max_request_size=1 << 20) as producer:
        for number, event in enumerate(events):
            at = parse_time(event["time"])
            key = (event.get("sub") or event["event_id"]).encode()
            producer.send(topic, orjson.dumps(event), key, timestamp_ms=at // 1_000)
            if number % 25 == 0:
                reason = draw.choice(list(BAD))
                producer.send(topic, BAD[reason], key, timestamp_ms=at // 1_000)
                totals[at - at % MINUTE, reason.value] += 1
        producer.flush()
    return Stage(bootstrap, topic, events), dict(totals)


def test_sigkill_loses_and_doubles_no_count(
    kafka_broker: Service, make_topic: Callable[[int], str], tmp_path: Path
) -> None:
    stage, expected = _with_bad_records(kafka_broker.address, make_topic(4), 30_000)
    crew = Crew(stage, tmp_path, f"sqlite:///{tmp_path / 'store.db'}")
    try:
        crew.run_killed(3, seed=3, longest=0.6)
        assert stored(crew.database) == expected
        shown = Queries(crew.database).dead_letters(span=time.time_ns() // 1_000)
        assert Counter({row.reason: row.count for row in shown}) == _by_reason(expected)
    finally:
        crew.end()


def _by_reason(totals: Totals) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for (_, reason), count in totals.items():
        reasons[reason] += count
    return reasons
