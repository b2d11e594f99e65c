"""Checkpoints: what was committed comes back; totals do not double."""

from sqlalchemy import select

from store.checkpoints import KEPT, Checkpoint, Checkpoints, DeadLetterCount, Rollup
from store.engine import Database
from store.models import CHECKPOINT_PARTS, DEAD_LETTER_COUNTS, ROLLUPS


def _checkpoint(seq: int, mark: str = "") -> Checkpoint:
    parts = {"episodes": f"state {seq}{mark}".encode(), "order": b"\x00\xff"}
    return Checkpoint(seq, "digest", {"chunks": [f"chunk-{seq}"]}, {"events/0": 17 * seq}, parts)


def test_a_checkpoint_comes_back_newest_first(database: Database, epoch: int) -> None:
    store = Checkpoints(database)
    for seq in (1, 2):
        store.commit(_checkpoint(seq), epoch)
    newest, before = store.newest_first()
    assert (newest.seq, newest.parts, newest.manifest) == (2, _checkpoint(2).parts, {"chunks": ["chunk-2"]})
    assert (newest.offsets, newest.epoch, before.seq) == ({"events/0": 34}, epoch, 1)
    assert newest.created_at > 1_700_000_000_000_000


def test_only_the_newest_are_kept(database: Database, epoch: int) -> None:
    store = Checkpoints(database)
    for seq in range(1, KEPT + 4):
        store.commit(_checkpoint(seq), epoch)
    assert [checkpoint.seq for checkpoint in store.newest_first()] == [KEPT + 3, KEPT + 2, KEPT + 1]
    with database.read() as connection:
        assert len(connection.execute(select(CHECKPOINT_PARTS)).all()) == 2 * KEPT


def test_going_back_to_an_older_one_replaces_the_damaged_newer_ones(database: Database, epoch: int) -> None:
    store = Checkpoints(database)
    for seq in (1, 2, 3):
        store.commit(_checkpoint(seq), epoch)
    store.commit(_checkpoint(2, "again"), epoch)
    assert [checkpoint.parts["episodes"] for checkpoint in store.newest_first()] == [b"state 2again", b"state 1"]


def test_totals_written_again_do_not_double(database: Database, epoch: int) -> None:
    store = Checkpoints(database)
    store.commit(_checkpoint(1), epoch, rollups=[Rollup(0, "type", 0, "issue", 4)])
    rollups = [Rollup(0, "type", 0, "issue", 5), Rollup(0, "type", 4, "revoke", 1), Rollup(60, "client", -7, "web", 2)]
    refused = [DeadLetterCount(0, "not-json", 3)]
    for seq in (2, 3):
        store.commit(_checkpoint(seq), epoch, rollups=rollups, dead_letters=refused)
    with database.read() as connection:
        assert sorted(map(tuple, connection.execute(select(ROLLUPS)))) == [
            (0, "type", 0, "issue", 5),
            (0, "type", 4, "revoke", 1),
            (60, "client", -7, "web", 2),
        ]
        assert [tuple(row) for row in connection.execute(select(DEAD_LETTER_COUNTS))] == [(0, "not-json", 3)]


def test_what_is_written_alike_is_counted_apart_and_keeps_its_first_name(database: Database, epoch: int) -> None:
    store = Checkpoints(database)
    store.commit(_checkpoint(1), epoch, rollups=[Rollup(0, "client", 1, "web", 4), Rollup(0, "client", 2, "web", 6)])
    store.commit(_checkpoint(2), epoch, rollups=[Rollup(0, "client", 1, "#0000000000000001", 5)])
    with database.read() as connection:
        assert sorted(map(tuple, connection.execute(select(ROLLUPS)))) == [
            (0, "client", 1, "web", 5),
            (0, "client", 2, "web", 6),
        ]
