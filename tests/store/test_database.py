"""Connecting, migrating, and saying clearly what is wrong."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from store.engine import Database, connect
from store.errors import StoreError, StoreUnavailableError, StoreVersionError
from store.migrate import migrate, require_current
from store.models import METADATA


def test_the_migrations_build_the_tables_of_the_models(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    migrate(database)
    require_current(database)


def test_a_reader_refuses_an_empty_store_and_says_what_to_do(store_url: str) -> None:
    empty = connect(store_url)
    with pytest.raises(StoreVersionError, match="tokentrail run"):
        require_current(empty)
    empty.close()


def test_tables_of_a_newer_program_are_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (migrate, require_current):
        with pytest.raises(StoreVersionError, match="newer"):
            use(database)


def test_a_block_that_fails_leaves_no_trace(database: Database) -> None:
    def fail_midway() -> None:
        with database.write() as connection:
            connection.execute(text("UPDATE lease SET epoch = 99"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    with database.read() as connection:
        assert connection.execute(text("SELECT epoch FROM lease")).scalar_one() == 0


@pytest.mark.parametrize(
    ("fixture", "question", "waits", "goes_on"),
    [("sqlite", "PRAGMA synchronous", 2, 1), ("postgresql", "SHOW synchronous_commit", "on", "off")],
)
def test_only_durable_transactions_wait_for_the_disk(
    fixture: str, question: str, waits: object, goes_on: object, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    # The server of the tests does not wait by itself.
    waiting = "?options=-csynchronous_commit%3Don"
    sqlite = fixture == "sqlite"
    url = f"sqlite:///{tmp_path / 'store.db'}" if sqlite else request.getfixturevalue("postgres_url") + waiting
    database = connect(url)
    # A pooled connection must not keep what the last block chose.
    for durable in (False, True, False, True):
        with database.write(durable=durable) as connection:
            assert connection.execute(text(question)).scalar_one() == (waits if durable else goes_on)
    database.close()


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as writing, database.read() as reading:
        writing.execute(text("UPDATE lease SET epoch = 7"))
        assert reading.execute(text("SELECT epoch FROM lease")).scalar_one() == 0


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "postgresql+none://h/d"])
def test_a_store_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:///|postgresql\+psycopg"):
        connect(url)


def test_a_database_that_is_away_is_told_apart_and_the_password_is_not_shown() -> None:
    away = connect("postgresql+psycopg://user:hunter2@127.0.0.1:1/x")
    with pytest.raises(StoreUnavailableError, match="does not answer") as raised, away.read():
        pass
    assert "hunter2" not in str(raised.value)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="directory"):
        connect(f"sqlite:///{tmp_path}/file/below/store.db")
