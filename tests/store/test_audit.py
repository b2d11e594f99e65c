"""The audit log: whatever is changed, removed or moved in it is found and named."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from store.audit import AuditLog, Change, append
from store.engine import Database, connect
from store.errors import RefusedError
from store.migrate import migrate
from store.models import AUDIT_HEAD, AUDIT_LOG

COUNT = 6


def fill(database: Database, count: int = COUNT) -> None:
    for number in range(count):
        with database.write() as connection:
            append(connection, "ana", [Change("comment", "alert", f"alert-{number}", {"text": f"“{number}” ü\n"})])


def faults(database: Database, anchor: str | None = None) -> dict[int, str]:
    return {fault.seq: fault.what for fault in AuditLog(database).verify(anchor).faults}


def test_an_untouched_log_is_whole(database: Database) -> None:
    assert AuditLog(database).verify().entries == 0
    fill(database)
    verified = AuditLog(database).verify()
    assert (verified.entries, verified.faults) == (COUNT, ())
    fill(database)
    assert faults(database, verified.head) == {}


@pytest.mark.parametrize("column", ["time", "actor", "action", "subject_type", "subject", "detail", "previous", "hash"])
def test_a_changed_entry_is_named(database: Database, column: str) -> None:
    fill(database)
    new = 1 if column == "time" else "x"
    with database.write() as connection:
        connection.execute(update(AUDIT_LOG).where(AUDIT_LOG.c.seq == 3).values({column: new}))
    assert 3 in faults(database)


def test_an_entry_that_was_changed_and_hashed_anew_breaks_the_next(database: Database) -> None:
    fill(database)
    with database.write() as connection:
        connection.execute(update(AUDIT_LOG).where(AUDIT_LOG.c.seq == 3).values(actor="eve"))
    changed = next(entry for entry in AuditLog(database).newest() if entry.seq == 3)
    with database.write() as connection:
        connection.execute(update(AUDIT_LOG).where(AUDIT_LOG.c.seq == 3).values(hash=changed.computed()))
    assert faults(database) == {4: "does not follow entry 3, which was replaced, or this one was moved here"}


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ([1], {2: "the one before was removed"}),
        ([2, 3], {4: "entries 2 to 3 were removed"}),
        ([COUNT], {COUNT: f"entries {COUNT} to {COUNT} were removed from the end"}),
        ([*range(1, COUNT + 1)], {COUNT: f"entries 1 to {COUNT} were removed from the end"}),
    ],
)
def test_removed_entries_are_named(database: Database, gone: list[int], named: dict[int, str]) -> None:
    fill(database)
    with database.write() as connection:
        connection.execute(delete(AUDIT_LOG).where(AUDIT_LOG.c.seq.in_(gone)))
    assert faults(database) == named


def test_a_log_that_was_cut_and_its_head_with_it_is_found_by_an_anchor_kept_elsewhere(database: Database) -> None:
    fill(database)
    log = AuditLog(database)
    anchor, shorter = log.verify().head, log.newest()[1]
    with database.write() as connection:
        connection.execute(delete(AUDIT_LOG).where(AUDIT_LOG.c.seq == COUNT))
        connection.execute(update(AUDIT_HEAD).values(seq=shorter.seq, hash=shorter.hash))
    assert faults(database) == {}
    assert faults(database, anchor) == {COUNT: "was kept elsewhere and is not in the log"}
    fill(database, 1)
    assert faults(database, anchor) == {COUNT: "has another hash than the one that was kept"}


def test_a_lost_head_is_told(database: Database) -> None:
    fill(database)
    with database.write() as connection:
        connection.execute(delete(AUDIT_HEAD))
    assert faults(database) == {COUNT: "the record of the last entry was removed"}


@pytest.mark.parametrize("anchor", ["", "3", "3:xyz", "0:" + "0" * 64, "-1:" + "a" * 64])
def test_an_anchor_that_is_none_is_refused(database: Database, anchor: str) -> None:
    with pytest.raises(RefusedError, match="number:hash"):
        AuditLog(database).verify(anchor)


def fail_midway(database: Database) -> None:
    with database.write() as connection:
        append(connection, "ana", [Change("comment", "alert", "a", {})])
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_no_entry(database: Database) -> None:
    fill(database, 1)
    with pytest.raises(ZeroDivisionError):
        fail_midway(database)
    fill(database, 1)
    assert AuditLog(database).verify() == AuditLog(database).verify(AuditLog(database).verify().head)
    assert AuditLog(database).verify().entries == 2


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Database:
    database = connect(f"sqlite:///{Path(tmp_path_factory.mktemp('audit')) / 'store.db'}")
    migrate(database)
    fill(database, 8)
    return database


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(1, 9)), dropped=st.sets(st.integers(1, 8)))
def test_no_other_order_and_no_selection_of_entries_is_whole(
    logged: Database, order: list[int], dropped: set[int]
) -> None:
    with logged.read() as connection:
        rows = [dict(row) for row in connection.execute(select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq)).mappings()]
    moved = [rows[old - 1] | {"seq": new} for new, old in enumerate(order, start=1) if new not in dropped]
    try:
        rewrite(logged, moved)
        assert (faults(logged) == {}) == (moved == rows)
    finally:
        rewrite(logged, rows)


def rewrite(database: Database, rows: list[dict[str, object]]) -> None:
    with database.write() as connection:
        connection.execute(text("DELETE FROM audit_log"))
        if rows:
            connection.execute(insert(AUDIT_LOG), rows)
