"""The worker on a real broker: killed, frozen, cut off and handed over, it finds what one clean replay finds."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from engines.chunks import Chunk
from tests.engines.stage import Crew, Outcome, Stage, fill
from tests.services.service import Service

SHORT, LONG = 40_000, 300_000
KILLS = {SHORT: 4, LONG: 20}


@pytest.fixture(
    scope="module", params=[pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.crash)]
)
def stage(request: pytest.FixtureRequest, kafka_broker: Service, make_topic: Callable[[int], str]) -> Stage:
    return fill(kafka_broker.address, make_topic(4), request.param)


@pytest.fixture(scope="module")
def expected(stage: Stage) -> Outcome:
    found = stage.expected()
    assert len(found.alerts) > 10
    return found


@pytest.fixture
def crew(stage: Stage, tmp_path: Path) -> Iterator[Crew]:
    crew = Crew(stage, tmp_path, f"sqlite:///{tmp_path / 'store.db'}")
    yield crew
    crew.end()


def assert_same(found: Outcome, expected: Outcome) -> None:
    assert found.alerts.keys() == expected.alerts.keys()
    assert {key: value for key, value in found.alerts.items() if value != expected.alerts[key]} == {}
    assert found.rollups == expected.rollups
    assert found.kept == expected.kept


def test_a_clean_run_finds_what_a_replay_finds(crew: Crew, expected: Outcome) -> None:
    worker = crew.start()
    crew.wait_until_done()
    crew.stop(worker)
    assert_same(crew.outcome(), expected)


def test_sigkill_at_any_moment_loses_and_doubles_nothing(crew: Crew, expected: Outcome) -> None:
    crew.run_killed(KILLS[len(crew.stage.events)], seed=1, longest=0.9)
    assert_same(crew.outcome(), expected)
    lake = crew.lake()
    assert (np.diff(lake["arrival"].to_numpy()) > 0).all()
    for number in range(4):
        mine = lake.filter(pc.equal(lake["partition"], number))
        assert mine["event_id"].to_pylist() == crew.stage.sent(number)


def test_a_broker_restart_loses_and_doubles_nothing(crew: Crew, expected: Outcome, kafka_broker: Service) -> None:
    worker = crew.start()
    crew.wait_until_running(worker)
    kafka_broker.kill()
    time.sleep(1)
    kafka_broker.start()
    crew.wait_until_done()
    crew.stop(worker)
    assert_same(crew.outcome(), expected)


def test_a_damaged_chunk_costs_one_checkpoint_and_no_alert(crew: Crew, expected: Outcome) -> None:
    worker = crew.start()
    crew.wait_until_running(worker)
    crew.wait("second checkpoint", lambda: len(crew.manifests()) > 1)
    worker.kill()
    worker.wait()
    newest, before, *_ = crew.manifests()
    added = set(newest.chunks()) - set(before.chunks())
    spoil(crew.folder / "state", max(added, key=lambda chunk: chunk.length))
    again = crew.start()
    crew.wait_until_done()
    crew.stop(again)
    assert f"checkpoint {newest.checkpoint} cannot be used" in crew.log()
    assert_same(crew.outcome(), expected)


def spoil(state: Path, chunk: Chunk) -> None:
    with (state / chunk.file).open("r+b") as file:
        file.seek(chunk.start)
        first = file.read(1)[0]
        file.seek(chunk.start)
        file.write(bytes([first ^ 0xFF]))


def test_a_standby_takes_over_and_the_frozen_leader_cannot_write(
    stage: Stage, expected: Outcome, tmp_path: Path, postgres_url: str
) -> None:
    crew = Crew(stage, tmp_path, postgres_url)
    try:
        leader = crew.start()
        crew.wait_until_running(leader)
        standby = crew.start()
        crew.wait("standby", lambda: any(row["state"] == "standby" for row in crew.heartbeats()))
        leader.send_signal(signal.SIGSTOP)
        crew.wait_until_running(standby)
        crew.wait_until_done()
        leader.send_signal(signal.SIGCONT)
        assert leader.wait(timeout=60) == 1
        assert "another worker leads" in crew.log(0)
        crew.stop(standby)
        assert_same(crew.outcome(), expected)
    finally:
        crew.end()


def test_while_the_database_is_away_the_worker_waits_and_then_goes_on(
    stage: Stage, expected: Outcome, tmp_path: Path, postgres_url: str, postgres_server: Service
) -> None:
    crew = Crew(stage, tmp_path, postgres_url)
    try:
        worker = crew.start()
        crew.wait_until_running(worker)
        postgres_server.stop()
        time.sleep(3)
        assert worker.poll() is None
        postgres_server.start()
        crew.wait_until_done()
        crew.stop(worker)
        assert "paused: " in crew.log()
        assert_same(crew.outcome(), expected)
    finally:
        crew.end()
