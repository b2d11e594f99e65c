"""`tokentrail doctor` on a real broker and store: what is missing, and what detectors cannot see."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import update

from app.doctor import SILENT
from schemas.coverage import Filled
from store.checkpoints import Checkpoint, Checkpoints
from store.engine import connect
from store.models import WORKERS
from store.workers import WorkerState
from tests.app.conftest import Tokentrail
from tests.dashboard.alert_samples import NOON
from tests.dashboard.filled_store import beat, fill, leading, new_store
from tests.services.service import Service

KEY = "00" * 32


@pytest.fixture
def config(kafka_broker: Service, tmp_path: Path) -> Path:
    """Settings of a broker, of topics that do not exist yet, and of a store with a live worker."""
    topic = uuid.uuid4().hex
    store = new_store(tmp_path)
    fill(store, [])
    path = tmp_path / f"{topic}.toml"
    path.write_text(
        f'[kafka]\nbootstrap_servers = "{kafka_broker.address}"\ntopic = "{topic}"\n'
        f'[dead_letters]\ntopic = "dead-{topic}"\n[store]\nurl = "{store}"\n',
        "utf-8",
    )
    return path


def test_where_nothing_is_everything_that_is_missing_is_said(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "tokentrail.toml").write_text('[kafka]\nbootstrap_servers = "127.0.0.1:1"\n', "utf-8")
    ran = tokentrail("doctor")
    assert ran.code == 1
    hash_key, broker, store = ran.text.splitlines()
    assert hash_key == "✖ hash key: TOKENTRAIL_HASH_KEY: is not set; make a key with `openssl rand -hex 32`"
    assert broker.startswith("✖ broker: brokers 127.0.0.1:1: ")
    assert broker.endswith("check that the broker runs, and its address")
    assert store.startswith("✖ store: ")


def test_missing_topics_fail_until_they_are_created(
    tokentrail: Tokentrail, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENTRAIL_HASH_KEY", KEY)
    ran = tokentrail("doctor", "--json", "--config", config)
    failed = {verdict["check"] for verdict in ran.records if verdict["state"] == "failed"}
    assert ran.code == 1
    ours = (config.stem, f"dead-{config.stem}", "token.alerts.v1", "token.alert-state.v1")
    assert failed == {f"topic {name}" for name in ours}
    assert tokentrail("topics", "create", "--config", config).code == 0
    ran = tokentrail("doctor", "--json", "--config", config)
    states = {verdict["check"]: verdict["state"] for verdict in ran.records}
    assert (ran.code, set(states.values())) == (0, {"ok", "warning"})
    assert [states[check] for check in ("hash key", "broker", "store", "worker", "events")] == ["ok"] * 5


def test_what_detectors_cannot_see_is_said_by_source_and_why(tokentrail: Tokentrail, config: Path) -> None:
    database = connect(f"sqlite:///{config.parent / 'store.db'}")
    with leading(database) as epoch:
        filled = [Filled(NOON, "\x1b[31mred", "refresh", 9, {"client_id": 9})]
        Checkpoints(database).commit(Checkpoint(2, "d", {}, {}), epoch, filled=filled)
    database.close()
    lines = tokentrail("doctor", "--config", config).text.splitlines()
    assert "✔ refresh-reuse on keycloak: armed" in lines
    assert "! usage-spike on gateway: warming, knows the source for 0 of 7 days" in lines
    assert r"! refresh-reuse on \x1b[31mred: blind, never there: parent_id" in lines
    assert not any(line.startswith("✔ refresh-reuse on gateway") for line in lines)


@pytest.mark.parametrize(
    ("state", "silence", "said"),
    [
        (WorkerState.PAUSED, 0, "! worker: worker-1 is paused, 250 records behind"),
        (WorkerState.STOPPED, 0, "✖ worker: worker-1 was last heard "),
        (WorkerState.RUNNING, 2 * SILENT.total_seconds(), "✖ worker: worker-1 was last heard 0:00:1"),
    ],
)
def test_a_worker_that_is_silent_or_stopped_fails(
    state: WorkerState, silence: float, said: str, tokentrail: Tokentrail, config: Path
) -> None:
    database = connect(f"sqlite:///{config.parent / 'store.db'}")
    beat(database, state=state)
    with database.write() as connection:
        connection.execute(update(WORKERS).values(seen_at=WORKERS.c.seen_at - int(silence * 1e6)))
    database.close()
    assert any(line.startswith(said) for line in tokentrail("doctor", "--config", config).text.splitlines())
