"""Is everything there that a worker needs, and can the detectors see? One verdict a question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Final

from kafka import KafkaAdminClient

from app.brokers import ANSWER, named_errors
from app.settings import Settings
from app.topics import wanted
from app.wiring import existing_store, jwks_sources, secrets
from detectors.readiness import Readiness, sights
from engines.jwks_watch import JwksSource
from schemas.errors import TokentrailError
from schemas.fields import format_time, micros
from store.engine import without_password
from store.queries import Queries
from store.workers import WorkerState

DAY: Final = micros(timedelta(days=1))
SILENT: Final = timedelta(seconds=5)
"""A worker says every second that it lives."""


class State(StrEnum):
    """How a question was answered."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer: what was looked at, how it is, and what was seen."""

    check: str
    state: State
    said: str


def examine(settings: Settings) -> Iterator[Verdict]:
    """Look at hash key, broker and topics, store and worker, what the detectors can see, and the issuers' keys."""
    yield from _asked("hash key", _hash_key)
    yield from _asked("broker", lambda: _broker(settings))
    yield from _asked("store", lambda: _store(settings))
    for source in jwks_sources(settings):
        yield from _asked(f"keys of {source.iss}", partial(_jwks, source))


def _asked(check: str, question: Callable[[], Iterator[Verdict]]) -> Iterator[Verdict]:
    try:
        yield from question()
    except TokentrailError as error:
        yield Verdict(check, State.FAILED, str(error))


def _hash_key() -> Iterator[Verdict]:
    secrets()
    yield Verdict("hash key", State.OK, "set")


def _broker(settings: Settings) -> Iterator[Verdict]:
    place = f"brokers {', '.join(settings.kafka.bootstrap_servers)}"
    with named_errors(place), KafkaAdminClient(**settings.kafka.client(), **ANSWER) as admin:
        yield Verdict("broker", State.OK, place)
        there = set(admin.list_topics())
    for name in wanted(settings):
        found = Verdict(f"topic {name}", State.OK, "exists")
        yield found if name in there else Verdict(found.check, State.FAILED, "missing; `tokentrail topics create`")


def _store(settings: Settings) -> Iterator[Verdict]:
    with existing_store(settings) as database:
        yield Verdict("store", State.OK, without_password(settings.store.url))
        queries = Queries(database)
        yield _worker(queries)
        yield from _sight(settings, queries)


def _jwks(source: JwksSource) -> Iterator[Verdict]:
    yield Verdict(f"keys of {source.iss}", State.OK, f"{source.place} lists {len(source.read().keys)}")


def _worker(queries: Queries) -> Verdict:
    heard = queries.workers()
    leader = next((worker for worker in heard.workers if worker.state != WorkerState.STANDBY), None)
    if leader is None:
        return Verdict("worker", State.FAILED, "none has reported; start `tokentrail run`")
    silence = timedelta(microseconds=heard.now - leader.seen_at)
    if leader.state == WorkerState.STOPPED or silence > SILENT:
        return Verdict("worker", State.FAILED, f"{leader.worker_id} was last heard {silence} ago: {leader.state}")
    state = State.OK if leader.state == WorkerState.RUNNING else State.WARNING
    return Verdict("worker", state, f"{leader.worker_id} is {leader.state}, {leader.lag or 0} records behind")


def _sight(settings: Settings, queries: Queries) -> Iterator[Verdict]:
    now = queries.newest_time()
    if now is None:
        yield Verdict("events", State.WARNING, "none was judged yet")
        return
    yield Verdict("events", State.OK, f"judged up to {format_time(now)}")
    running = map(type, settings.running().values())
    for sight in sights(running, queries.filled(DAY), queries.sources_since(), now):
        if sight.readiness is not Readiness.UNUSED:
            state = State.OK if sight.readiness is Readiness.ARMED else State.WARNING
            said = f"{sight.readiness.value}{f', {sight.why}' if sight.why else ''}"
            yield Verdict(f"{sight.detector} on {sight.source}", state, said)
