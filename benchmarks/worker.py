"""The whole worker on a real broker against polling alone, in one run: CPU and wall, and the one rule of the peers.

The worker polls, decodes, orders, judges, stores, publishes to a topic and writes checkpoints. It is measured from its
first poll to the moment it has taken in the last record; the floor is kafka-python polling the same topic.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import text

from app.settings import Settings, from_mapping
from app.warm import settle, warm
from app.wiring import new_worker, open_store, publishers, secrets
from benchmarks.figures import Figure
from benchmarks.peer import RULE_FAILURES, RULE_SECONDS, peer_records
from benchmarks.processes import apart
from benchmarks.streams import HEADLINE, mix
from benchmarks.topics import PARTITIONS, alerts_of, broker, fill, poll_only
from detectors.registry import DETECTORS
from engines.worker import Worker

EVENTS: Final = 400_000
HITS: Final = 1_294
ROUNDS: Final = 3
TICK_SECONDS: Final = 0.02
HASH_KEY: Final = "1:" + "5a" * 32
ONE_RULE: Final = {
    "detectors": [
        {
            "type": "failed-auth-burst",
            "shapes": ["source-burst"],
            "source_burst_failures": RULE_FAILURES,
            "source_burst_window": f"{RULE_SECONDS:.0f}s",
        }
    ],
    "disabled": sorted(DETECTORS.keys() - {"failed-auth-burst"}),
}


class Cost(NamedTuple):
    """Seconds until all records were taken in, and findings in all alerts once they were judged."""

    cpu: float
    wall: float
    findings: float


def settings(bootstrap: str, topic: str, folder: Path, more: Mapping[str, Any]) -> Settings:
    """Give the settings of a worker of the headline detectors, its state in a folder, its alerts on the same broker."""
    return from_mapping(
        {
            "disabled": sorted(DETECTORS.keys() - set(HEADLINE)),
            "kafka": {"bootstrap_servers": bootstrap, "topic": topic},
            "source": {"lateness": "2s"},
            "store": {"url": f"sqlite:///{folder / 'store.db'}", "state": str(folder / "state")},
            "lake": {"path": str(folder / "lake")},
            "dead_letters": {"topic": "", "file": str(folder / "dead-letters.ndjson")},
            "sinks": [{"type": "kafka", "topic": alerts_of(topic)}],
            **more,
        },
        "bench",
    )


def run(chosen: Settings, records: int) -> Cost:
    """Run a worker over so many records."""
    os.environ["TOKENTRAIL_HASH_KEY"] = HASH_KEY
    database = open_store(chosen)
    worker = new_worker(chosen, secrets(), database)
    warm(worker.decoder, worker.new_pipeline)
    settle()
    ended = threading.Event()
    publishing = [threading.Thread(target=each.run, args=(ended,)) for each in publishers(chosen, database)]
    cost: list[float] = []
    watching = threading.Thread(target=_watch, args=(worker, records, cost))
    for thread in (*publishing, watching):
        thread.start()
    worker.run()
    ended.set()
    for thread in (*publishing, watching):
        thread.join()
    with database.read() as connection:
        bodies = connection.execute(text("SELECT body FROM alerts")).scalars().all()
    database.close()
    return Cost(cost[0], cost[1], sum(orjson.loads(body)["count"] for body in bodies))


def _watch(worker: Worker, records: int, cost: list[float]) -> None:
    """Note what it took until all records were taken in, then wait for the last verdict and end the worker."""
    while worker.status.epoch is None:
        time.sleep(TICK_SECONDS / 10)
    cpu, wall = time.process_time(), time.monotonic()
    while worker.status.counters["records"] < records:
        time.sleep(TICK_SECONDS)
    cost += [time.process_time() - cpu, time.monotonic() - wall]
    time.sleep(worker.limits.lateness.total_seconds() + 2)
    worker.stop()


def measured(bootstrap: str, topic: str, more: Mapping[str, Any]) -> Cost:
    """Medians of several runs from an empty state."""
    runs = []
    for _ in range(ROUNDS):
        with TemporaryDirectory(prefix="tokentrail-bench-") as folder:
            chosen = settings(bootstrap, topic, Path(folder), more)
            runs.append(apart(run, chosen, EVENTS + PARTITIONS))
    findings = {cost.findings for cost in runs}
    if len(findings) > 1:
        raise AssertionError(f"equal runs found differently: {findings}")
    middle = (statistics.median(figures) for figures in zip(*runs, strict=True))
    return Cost(*middle)


def compared(
    bootstrap: str, name: str, records: Iterable[bytes], more: Mapping[str, Any], goals: tuple[float, float | None]
) -> tuple[Cost, list[Figure]]:
    """Run the worker beside polling alone: its cost, and the floor with the ratios to it. `goals`: CPU, wall."""
    topic = fill(bootstrap, records)
    floor_cpu, floor_wall = poll_only(bootstrap, topic, ROUNDS)
    cost = measured(bootstrap, topic, more)
    cpu, wall = floor_cpu / cost.cpu, floor_wall / cost.wall
    return cost, [
        Figure(
            f"poll only, {name}", _rate(floor_cpu), "k events/CPU-s", note=f"the floor; {_rate(floor_wall):.0f} k/s"
        ),
        Figure(f"{name} / poll only, CPU", cpu, "ratio", goals[0], note=f"{_rate(cost.cpu):.0f} k/CPU-s"),
        Figure(f"{name} / poll only, wall", wall, "ratio", goals[1], note=f"{_rate(cost.wall):.0f} k/s"),
    ]


def lake_cost(bootstrap: str) -> list[Figure]:
    """Run the worker with and without the event lake on one topic."""
    topic = fill(bootstrap, mix(EVENTS))
    without = measured(bootstrap, topic, {"lake": {"enabled": False}})
    kept = measured(bootstrap, topic, {})
    note = f"{_rate(kept.cpu):.0f} k/CPU-s with, {_rate(without.cpu):.0f} without"
    return [
        Figure("with the event lake / without, CPU", without.cpu / kept.cpu, "ratio", note=note),
        Figure("with the event lake / without, wall", without.wall / kept.wall, "ratio"),
    ]


def _rate(seconds: float) -> float:
    return EVENTS / seconds / 1_000


def measure() -> list[Figure]:
    """Give the ratios to the floor, and whether the rule found all its hits."""
    with broker() as bootstrap:
        _, mixed = compared(bootstrap, "full worker, mix", mix(EVENTS), {}, (0.5, 0.7))
        lake = lake_cost(bootstrap)
        _, plain = compared(bootstrap, "full worker, peers' events", peer_records(EVENTS), {}, (0.5, 0.7))
        cost, rule = compared(bootstrap, "the one rule, peers' events", peer_records(EVENTS), ONE_RULE, (0.55, None))
    return [
        *mixed,
        *lake,
        *plain,
        *rule,
        Figure("findings of the one rule", cost.findings, "hits", HITS, note=f"exactly {HITS}"),
    ]
