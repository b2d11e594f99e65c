"""Worker processes on a real topic, and what a clean replay of the same events says they must have found."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from sqlalchemy import text

from app.settings import Settings, from_mapping
from app.wiring import new_pipeline
from engines import rollups
from engines.decoding import DecodeAhead
from engines.snapshots import Manifest
from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.simulator import Disorder, Traffic, simulate
from schemas.fields import parse_time
from store.checkpoints import Checkpoints
from store.engine import connect
from store.lake import LakeFolder, LakeList

KEY = "1:" + "5a" * 32
START = 1_772_409_600_000_000
LATENESS_SECONDS = 10
WORK = "from app.cli import main; main()"


class Outcome(NamedTuple):
    """Alert id → (final revision, content), (minute, dimension, key) → events, and the event ids in the lake."""

    alerts: dict[str, tuple[int, str]]
    rollups: dict[tuple[int, str, int], int]
    kept: Counter[str]


@dataclass(frozen=True)
class Stage:
    """A topic full of events."""

    bootstrap: str
    topic: str
    events: list[dict[str, Any]]

    @property
    def last_time(self) -> int:
        """Time of the newest event, µs."""
        return max(parse_time(event["time"]) for event in self.events)

    def sent(self, partition: int) -> list[str]:
        """Event ids on one partition, in order."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        place = TopicPartition(self.topic, partition)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end, found = consumer.end_offsets([place])[place], list[str]()
        while (consumer.position(place) or 0) < end:
            for records in consumer.poll(timeout_ms=1_000).values():
                found += [orjson.loads(record.value)["event_id"] for record in records]
        consumer.close()
        return found

    def settings(self, folder: Path, store: str) -> dict[str, Any]:
        """Settings of a worker on this topic with its state in a folder."""
        return {
            "kafka": {"bootstrap_servers": self.bootstrap, "topic": self.topic},
            "source": {"lateness": f"{LATENESS_SECONDS}s"},
            "store": {"url": store, "state": str(folder / "state"), "checkpoint_every": "300ms", "lease": "2s"},
            "dead_letters": {"topic": "", "file": str(folder / "dead-letters.ndjson")},
            "lake": {"path": str(folder / "lake")},
            "worker": {"port": 0},
            "sinks": [],
        }

    def expected(self) -> Outcome:
        """Replay the events once, from memory, in one process."""
        settings = Settings.model_validate({"source": {"lateness": f"{LATENESS_SECONDS}s"}})
        pipeline = new_pipeline(settings)
        decoder = Decoder(Secrets.from_environment({"TOKENTRAIL_HASH_KEY": KEY}))
        alerts: dict[str, tuple[int, str]] = {}
        totals: dict[tuple[int, str, int], int] = {}

        def note(changes: Any) -> None:
            alerts.update({r.alert.alert_id: (r.alert.revision, r.body) for r in changes.revisions})
            rows = rollups.rows(pipeline.counts.changes(), pipeline.client_name)
            totals.update({(row.minute, row.dimension, row.key): row.count for row in rows})

        lines = [orjson.dumps(event) for event in self.events]
        batches = (RawRecords.of(lines[at : at + 7_000]) for at in range(0, len(lines), 7_000))
        with DecodeAhead(decoder) as ahead:
            for batch in ahead.through(batches):
                assert pipeline.take(batch) == []
                note(pipeline.advance({0}))
            note(pipeline.flush())
        assert pipeline.order.counters.late == 0
        return Outcome(alerts, totals, Counter(event["event_id"] for event in self.events))


def fill(bootstrap: str, topic: str, count: int) -> Stage:
    """Put simulated traffic on a topic: out of order within the lateness, some of it twice, keyed by subject."""
    traffic = Traffic(rate=150.0, users=1_500, disorder=Disorder(late=0.2, lateness=LATENESS_SECONDS / 2, doubled=0.05))
    events = list(simulate(7, START, events=count, traffic=traffic))
    with KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, compression_type="lz4") as producer:
        for event in events:
            key = event.get("sub") or event.get("client_id") or event["event_id"]
            producer.send(topic, orjson.dumps(event), key.encode(), timestamp_ms=parse_time(event["time"]) // 1_000)
        producer.flush()
    return Stage(bootstrap, topic, events)


@dataclass
class Crew:
    """Worker processes that share one store."""

    stage: Stage
    folder: Path
    store: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Write the settings file."""
        self.config = self.folder / "tokentrail.toml"
        settings = self.stage.settings(self.folder, self.store)
        from_mapping(settings, "stage")
        self.config.write_text(_toml(settings), "utf-8")
        self.database = connect(self.store)

    def start(self) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        with (self.folder / f"worker-{len(self.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-c", WORK, "run", "--config", str(self.config)],
                env={**os.environ, "TOKENTRAIL_HASH_KEY": KEY},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(worker)
        return worker

    def run_killed(self, kills: int, seed: int, longest: float) -> None:
        """Kill one worker after another within `longest` seconds of work, at random; let a last one end."""
        moments = random.Random(seed)
        for _ in range(kills):
            worker = self.start()
            self.wait_until_running(worker)
            time.sleep(moments.uniform(0.05, longest))
            worker.kill()
            worker.wait()
        last = self.start()
        self.wait_until_done()
        self.stop(last)

    def log(self, number: int = -1) -> str:
        """What a worker printed."""
        return sorted(self.folder.glob("worker-*.log"))[number].read_text("utf-8", "replace")

    def heartbeats(self) -> list[Mapping[str, Any]]:
        """Rows of the workers' table, newest first."""
        try:
            with self.database.read() as connection:
                found = connection.execute(text("SELECT * FROM workers ORDER BY seen_at DESC")).mappings().all()
        except Exception:  # noqa: BLE001 - the tables may not exist yet, the server may be away
            return []
        return [dict(row) for row in found]

    def manifests(self) -> list[Manifest]:
        """What the stored checkpoints consist of, newest first."""
        return [Manifest.model_validate(stored.manifest) for stored in Checkpoints(self.database).newest_first()]

    def wait(self, what: str, until: Callable[[], bool], seconds: float = 120) -> None:
        """Wait for something to come true, or fail with the workers' logs."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise AssertionError(f"no {what} after {seconds} s\n{self.heartbeats()}\n{self.log()}")
            time.sleep(0.02)

    def wait_until_running(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until a worker has restored its state and works."""
        mark = f"-{process.pid}-"

        def running() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"the worker left with {process.returncode}\n{self.log()}")
            return any(mark in row["worker_id"] and row["state"] == "running" for row in self.heartbeats())

        self.wait("running worker", running)

    def wait_until_done(self) -> None:
        """Wait until a running worker has judged the last event."""
        last = self.stage.last_time
        self.wait(
            "end of the topic",
            lambda: any(row["state"] == "running" and (row["watermark"] or 0) >= last for row in self.heartbeats()),
        )

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a worker to finish, and check that it did so cleanly."""
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, self.log()

    def end(self) -> None:
        """Kill what still runs."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
        self.database.close()

    def outcome(self) -> Outcome:
        """Read what the store holds."""
        with self.database.read() as connection:
            rows = connection.execute(
                text("SELECT alert_id, revision, body FROM alert_revisions ORDER BY alert_id, revision")
            ).all()
            totals = connection.execute(text("SELECT minute, dimension, key, count FROM rollups")).all()
        alerts = {row[0]: (row[1], row[2]) for row in rows}
        kept = Counter(self.lake()["event_id"].to_pylist())
        return Outcome(alerts, {(r[0], r[1], r[2]): r[3] for r in totals}, kept)

    def lake(self) -> pa.Table:
        """All events that count in the lake, in order of arrival."""
        listed = LakeList(self.database)
        return LakeFolder(self.folder / "lake" / str(listed.folder())).read(listed.segments())


def _toml(settings: Mapping[str, Any]) -> str:
    plain = [
        f"{name} = {orjson.dumps(value).decode()}" for name, value in settings.items() if not isinstance(value, dict)
    ]
    tables = [
        "\n".join([f"[{name}]", *(f"{key} = {orjson.dumps(value).decode()}" for key, value in table.items())])
        for name, table in settings.items()
        if isinstance(table, dict)
    ]
    return "\n\n".join([*plain, *tables]) + "\n"
