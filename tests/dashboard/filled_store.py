"""Stores with known content, written the way the worker writes them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby, islice
from pathlib import Path
from threading import Event, Thread

from schemas.alerts import Alert, BlastRadius, Containment, EpisodeState
from schemas.coverage import Filled
from schemas.revisions import EntityRisk, Incident, Revision, RiskPart
from schemas.triage import OPEN, Role, Verdict
from schemas.vocabulary import EventType
from store.access import Actor
from store.checkpoints import Checkpoint, Checkpoints, DeadLetterCount, Rollup
from store.engine import Database, connect
from store.lease import Lease
from store.migrate import migrate
from store.queries import Queries
from store.triage import Resolve, Triage, targets
from store.workers import Heartbeat, Workers, WorkerState
from store.writer import AlertWriter
from tests.dashboard.alert_samples import NOON, SECOND

MINUTE = 60 * SECOND
ANALYST = Actor("ana", Role.ANALYST)
BEAT_SECONDS = 0.5
FILLED = (
    Filled(NOON - 9 * 86_400 * SECOND, "keycloak", "key-use", 10, {}),
    Filled(NOON - 3_600 * SECOND, "keycloak", "key-use", 100, {"client_id": 100, "token_id": 100}),
    Filled(NOON - 3_600 * SECOND, "keycloak", "refresh", 50, {"client_id": 50, "parent_id": 50}),
    Filled(NOON - 3_600 * SECOND, "gateway", "key-use", 900, {"client_id": 900}),
)
"""Nine days of one source, an hour of another."""
COUNTRIES = {"DE": 900, "US": 700, "SG": 120, "BR": 60, "XX": 5}


def new_store(directory: Path) -> str:
    """The URL of a migrated, empty store."""
    url = f"sqlite:///{directory / 'store.db'}"
    database = connect(url)
    migrate(database)
    database.close()
    return url


def fill(url: str, alerts: Iterable[Alert], *, hours: int = 24, watermark: int = NOON) -> None:
    """Write alerts, incidents, risks, rollups, dead letters of now, a checkpoint and a live worker."""
    add(url, alerts)
    database = connect(url)
    with leading(database) as epoch:
        Checkpoints(database).commit(
            Checkpoint(1, "digest", {}, {}),
            epoch,
            rollups=_rollups(hours, watermark),
            dead_letters=[DeadLetterCount(now(), "not-json", 3), DeadLetterCount(now(), "too-late", 41)],
            filled=FILLED,
        )
    beat(database, watermark)
    database.close()


def add(url: str, alerts: Iterable[Alert]) -> None:
    """Write revisions of alerts, with their incidents and some risks."""
    database = connect(url)
    writer = AlertWriter(database)
    remaining = iter(alerts)
    with leading(database) as epoch:
        while part := list(islice(remaining, 500)):
            writer.commit_revisions(
                [Revision(alert) for alert in part], epoch, incidents=_incidents(part), risks=_risks(part[:8])
            )
            _resolve(database, [alert.alert_id for alert in part if alert.episode is EpisodeState.CLOSED])
    database.close()


def _resolve(database: Database, alert_ids: Sequence[str]) -> None:
    """What is over was looked at."""
    rows = Queries(database).rows(alert_ids)
    seen = [target for target in targets(list(rows.values())) if rows[target.alert_id].status in OPEN]
    Triage(database).act(ANALYST, seen, Resolve(Verdict.BENIGN_TRUE_POSITIVE, "a test of ours"))


@contextmanager
def leading(database: Database) -> Iterator[int]:
    """The epoch of a lease that is given back."""
    lease = Lease(database, "worker-1", timedelta(minutes=10))
    epoch = lease.acquire()
    assert epoch is not None
    yield epoch
    lease.release(epoch)


@contextmanager
def beating(url: str, watermark: int | None = None) -> Iterator[None]:
    """A worker that lives as long as the block; without a watermark it has judged everything up to now."""
    database = connect(url)
    ended = Event()

    def live() -> None:
        while not ended.wait(BEAT_SECONDS):
            beat(database, watermark or now())

    beat(database, watermark or now())
    thread = Thread(target=live, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        database.close()


def now() -> int:
    """The wall clock, µs."""
    return time.time_ns() // 1_000


def beat(
    database: Database,
    watermark: int | None = NOON,
    *,
    state: WorkerState = WorkerState.RUNNING,
    name: str = "worker-1",
    lag: int = 250,
) -> None:
    """A worker's sign of life, now."""
    counters = {"records": 1_234_567, "late": 41, "duplicate": 7}
    Workers(database).beat(Heartbeat(name, "host-a", state, 1, watermark, lag, counters))


def _incidents(alerts: Sequence[Alert]) -> list[Incident]:
    found = []
    for incident_id, group in groupby(alerts, key=lambda alert: alert.incident_id):
        members = [Revision(alert) for alert in group]
        worst = max(members, key=lambda member: member.severity)
        found.append(
            Incident(
                incident_id,
                min(member.start for member in members),
                max(member.end for member in members),
                worst.severity,
                worst.alert.title,
                len(members),
                tuple(dict.fromkeys(t for member in members for t in member.alert.attack.tactics)),
                containment=Containment(state="revoked"),
                blast_radius=BlastRadius(aud=["https://api.example"], calls=30),
            )
        )
    return found


def _risks(alerts: Sequence[Alert]) -> list[EntityRisk]:
    return [
        EntityRisk(
            alert.tenant,
            alert.iss,
            alert.entities[0].type,
            alert.entities[0].id,
            alert.risk,
            NOON,
            (RiskPart(alert.alert_id, alert.detector, float(alert.risk), NOON),),
        )
        for alert in alerts
    ]


def _rollups(hours: int, until: int) -> list[Rollup]:
    rows = []
    for back in range(hours * 60):
        minute = until - until % MINUTE - back * MINUTE
        wave = 60 + 40 * ((back // 60) % 12)
        for place, kind in enumerate(EventType):
            rows.append(Rollup(minute, "type", place, kind.value, wave // (place + 1)))
        rows += [
            Rollup(minute, "country", place, country, count // 24)
            for place, (country, count) in enumerate(COUNTRIES.items())
        ]
    return rows
