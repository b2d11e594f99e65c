"""Bring the tables to this program's version (worker), or check that they are at it (everyone else)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from store.engine import Database
from store.errors import StoreVersionError

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Create or upgrade the tables, in one transaction. Only the worker does this.

    Raises:
        StoreVersionError: a newer program has written the tables.
        StoreUnavailableError: the database does not answer.
    """
    config = _config()
    with database.write() as connection:
        stored = MigrationContext.configure(connection).get_current_revision()
        _refuse_unknown(config, stored, database.place)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(database: Database) -> None:
    """Check that the tables are those this program knows.

    Raises:
        StoreVersionError: they are older, newer or missing.
        StoreUnavailableError: the database does not answer.
    """
    config = _config()
    with database.read() as connection:
        stored = MigrationContext.configure(connection).get_current_revision()
    _refuse_unknown(config, stored, database.place)
    if stored != ScriptDirectory.from_config(config).get_current_head():
        raise StoreVersionError(
            "tables are missing or older than this program",
            place=database.place,
            next_step="start `tokentrail run`, which brings them up to date",
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_unknown(config: Config, stored: str | None, place: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if stored is not None and stored not in known:
        raise StoreVersionError(
            f"tables are of version {stored}, newer than this program", place=place, next_step="upgrade tokentrail"
        )
