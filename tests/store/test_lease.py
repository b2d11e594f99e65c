"""Leadership: one at a time, by the database's clock, and no writes from a leader of the past."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from schemas.revisions import Revision
from store.checkpoints import Checkpoint, Checkpoints
from store.engine import Database, connect
from store.errors import LeadershipLostError, StoreUnavailableError
from store.lease import Lease, guard
from store.migrate import migrate
from store.outbox import Outbox
from store.writer import AlertWriter

LONG, SHORT = timedelta(minutes=5), timedelta(milliseconds=20)


def test_a_standby_waits_until_the_leader_lets_go(database: Database) -> None:
    leader, standby = Lease(database, "a", LONG), Lease(database, "b", LONG)
    first = leader.acquire()
    assert first is not None
    assert standby.acquire() is None
    leader.release(first)
    assert standby.acquire() == first + 1


def test_a_leader_gone_silent_loses_the_lease_and_cannot_renew(database: Database) -> None:
    leader, standby = Lease(database, "a", SHORT), Lease(database, "b", LONG)
    first = leader.acquire()
    assert first is not None
    time.sleep(0.05)
    assert standby.acquire() == first + 1
    with pytest.raises(LeadershipLostError):
        leader.renew(first)
    with pytest.raises(LeadershipLostError):
        leader.release(first)
    assert leader.acquire() is None


def test_renewing_keeps_the_lease_even_after_expiry_when_nobody_came(database: Database) -> None:
    lease = Lease(database, "a", SHORT)
    first = lease.acquire()
    assert first is not None
    time.sleep(0.05)
    Lease(database, "a", LONG).renew(first)
    assert Lease(database, "b", LONG).acquire() is None


def test_a_leader_frozen_within_a_transaction_does_not_keep_the_lease(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.engine.IDLE_IN_TRANSACTION_MS", 200)
    frozen, other = connect(postgres_url), connect(postgres_url)
    migrate(frozen)
    epoch = Lease(frozen, "a", SHORT).acquire()
    assert epoch is not None
    with pytest.raises(StoreUnavailableError):
        _be_overtaken(frozen, epoch, Lease(other, "b", LONG))
    with pytest.raises(LeadershipLostError):
        Lease(frozen, "a", LONG).renew(epoch)
    frozen.close()
    other.close()


def _be_overtaken(frozen: Database, epoch: int, standby: Lease) -> None:
    with frozen.write() as connection:
        guard(connection, epoch)
        time.sleep(0.05)
        assert standby.acquire() == epoch + 1


def test_of_many_workers_that_start_at_once_one_leads(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda name: Lease(database, f"w{name}", LONG).acquire(), range(8)))
    assert [epoch for epoch in taken if epoch is not None] == [1]


def test_nothing_of_a_former_leader_s_transactions_is_kept(
    database: Database, epoch: int, make_revision: Callable[..., Revision]
) -> None:
    Lease(database, "worker-1", LONG).release(epoch)
    assert Lease(database, "worker-2", LONG).acquire() == epoch + 1
    with pytest.raises(LeadershipLostError):
        AlertWriter(database).commit_revisions([make_revision()], epoch)
    with pytest.raises(LeadershipLostError):
        Checkpoints(database).commit(Checkpoint(1, "c", {}, {}), epoch)
    assert Outbox(database).after(0, 10) == []
    assert list(Checkpoints(database).newest_first()) == []
