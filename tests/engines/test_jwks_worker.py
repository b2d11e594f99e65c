"""A worker that watches a JWKS says what a replay of its record says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Thread

import orjson
import pytest

from app.replaying import replay_of
from app.settings import from_mapping
from app.wiring import KEYS_FILE, new_worker, open_store
from detectors.registry import DETECTORS
from ingest.deadletters import DeadLetterFile
from ingest.privacy import HASH_KEY_VARIABLE, Secrets
from ingest.records import RawRecords
from ingest.snapshots import read_snapshots
from ingest.source import Polled
from schemas.fields import format_time
from store.queries import AlertFilter, Queries

ISS = "https://id.acme"
KEY = bytes(range(32))
MINUTE = 60_000_000


class Script:
    """A source that gives each record once what it waits for has come."""

    def __init__(self, steps: Iterable[tuple[Callable[[], bool], bytes]]) -> None:
        self._steps = list(steps)
        self.delivered = {0: 0}
        self.partitions = {0}

    def poll(self, _seconds: float) -> Polled:
        time.sleep(0.005)
        first = self.delivered[0]
        given = [record for ready, record in self._steps[first : first + 1] if ready()]
        self.delivered[0] += len(given)
        return Polled(RawRecords.of(given, "script", first))

    def drained(self, _taken: Mapping[int, int]) -> set[int]:
        return set()

    def lag(self) -> dict[int, int]:
        return {0: 0}

    def hold(self, _numbers: Iterable[int]) -> None: ...

    def commit(self, _offsets: Mapping[int, int]) -> None: ...

    def close(self) -> None: ...


def use(at: int, kid: str) -> bytes:
    fields = {"event_id": f"e-{at}-{kid}", "time": format_time(at), "type": "key-use", "outcome": "success"}
    return orjson.dumps(fields | {"operation": "verify", "iss": ISS, "key_id": kid})


def read_after(record: Path, time: int) -> bool:
    return any(snapshot.since > time for snapshot in read_snapshots(record))


def test_a_worker_says_what_a_replay_of_its_record_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HASH_KEY_VARIABLE, KEY.hex())
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [{"kty": "EC", "kid": "listed", "crv": "P-256"}]}))
    settings = from_mapping(
        {
            "source": {"lateness": "0s"},
            "store": {"url": f"sqlite:///{tmp_path / 'store.db'}", "state": str(tmp_path / "state")},
            "dead_letters": {"topic": "", "file": str(tmp_path / "dead.ndjson")},
            "lake": {"enabled": False},
            "jwks": [{"iss": ISS, "file": str(tmp_path / "jwks.json")}],
            "disabled": [name for name in DETECTORS if name != "key-unknown"],  # nothing else is to be compiled
            "sinks": [],
        },
        "test",
    )
    record, now = tmp_path / "state" / KEYS_FILE, time.time_ns() // 1_000
    # Ahead of the clock: what is read counts from what was judged on.
    lines = [use(now + MINUTE, "listed"), use(now + 2 * MINUTE, "forged"), use(now + 3 * MINUTE, "listed")]
    lines += [use(now + 30 * MINUTE, "listed")]
    database = open_store(settings)
    worker = new_worker(settings, Secrets(KEY), database)
    dead_letters = worker.dead_letters
    assert isinstance(dead_letters, DeadLetterFile)
    assert worker.jwks is not None
    worker.jwks.sources = [replace(source, refresh=timedelta(milliseconds=20)) for source in worker.jwks.sources]
    waits = [partial(read_after, record, time) for time in (0, 0, 0, now + 3 * MINUTE)]
    script = Script(zip(waits, lines, strict=True))
    worker.new_source = lambda _offsets: script
    thread = Thread(target=worker.run)
    thread.start()
    try:
        end = time.monotonic() + 60
        while not (found := Queries(database).alerts(AlertFilter()).rows) and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        worker.stop()
        thread.join()
        database.close()
        dead_letters.close()
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    replayed = [
        revision.alert
        for changes in replay_of(settings, [str(tmp_path / "events.ndjson")], record_format="native").run()
        for revision in changes.revisions
    ]
    assert [(alert.detector, alert.entities[0].id) for alert in replayed] == [("key-unknown", "forged")]
    assert [row.alert_id for row in found] == [alert.alert_id for alert in replayed]
