"""The worker's health endpoint as a supervisor and Prometheus read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts.publisher import Publisher
from alerts.sinks import SinkError
from app import health
from engines.status import MAX_NAMES, Status, add_named
from schemas.revisions import StoredRevision
from store.workers import WorkerState


class Feed:
    """Three revisions, then nothing."""

    def cursor(self, _publisher: str) -> int:
        return 0

    def after(self, cursor: int, _limit: int) -> Sequence[StoredRevision]:
        return [SimpleNamespace(cursor=number) for number in range(cursor + 1, 4)]  # type: ignore[misc]

    def advance(self, _publisher: str, _cursor: int) -> None:
        pass


class Sink:
    """Away at first; ends its publisher when it has taken all."""

    def __init__(self, ended: Event, outages: int) -> None:
        self.ended, self.outages = ended, outages

    def write(self, _revisions: Sequence[StoredRevision]) -> None:
        self.outages -= 1
        if self.outages >= 0:
            raise SinkError("away")
        self.ended.set()

    def close(self) -> None:
        pass


@pytest.fixture
def status() -> Status:
    status = Status(state=WorkerState.RUNNING, watermark=1, lag=250, checkpoint_at=0.0)
    status.counters.update(records=9, late=2)
    add_named(status.skipped, {"auth0:ss": 7} | {f"auth0:invented-{number}": 1 for number in range(MAX_NAMES + 99)})
    status.events.update({"issue": 5})
    status.alerts["refresh-reuse", "high"] += 3
    status.tables["tokens"] = (70, 4)
    return status


@pytest.fixture
def address(status: Status, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("alerts.publisher.RETRY_SECONDS", 0.0)
    ended = Event()
    publisher = Publisher("siem", Feed(), Sink(ended, outages=2))
    publisher.run(ended)
    server = health.serve(status, [publisher], "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def answer(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=5) as response:  # noqa: S310 - our own
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_what_is_counted_can_be_scraped(address: str) -> None:
    families = text_string_to_metric_families(answer(f"{address}/metrics")[1])
    values = {
        (sample.name.removeprefix("tokentrail_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }
    expected = {
        ("worker_total", "records"): 9,
        ("worker_total", "late"): 2,
        ("events_total", "issue"): 5,
        ("skipped_total", "auth0:ss"): 7,
        ("skipped_total", "other"): 100,
        ("alerts_total", "refresh-reuse", "high"): 3,
        ("published_total", "siem"): 3,
        ("sink_failures_total", "siem"): 2,
        ("state_rows", "tokens"): 70,
        ("state_evictions_total", "tokens"): 4,
        ("consumer_lag_records",): 250,
        ("worker_state", "running"): 1,
        ("worker_state", "paused"): 0,
    }
    assert {name: values.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("state", "code"), [(WorkerState.RUNNING, 200), (WorkerState.STANDBY, 200), (WorkerState.PAUSED, 503)]
)
def test_only_who_works_or_stands_by_is_ready(state: WorkerState, code: int, status: Status, address: str) -> None:
    status.state = state
    assert answer(f"{address}/readyz") == (code, f"{state.value}\n")
    assert answer(f"{address}/healthz") == (200, "ok\n")
    assert answer(f"{address}/nothing")[0] == 404
