"""The connection to SQLite or PostgreSQL: how transactions begin, and which errors mean that the database is away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import URL, BigInteger, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from store.errors import StoreError, StoreUnavailableError

if TYPE_CHECKING:
    import psycopg

BUSY_TIMEOUT_MS: Final = 10_000
CONNECT_TIMEOUT_S: Final = 5
IDLE_IN_TRANSACTION_MS: Final = 5_000
_WRITES: Final = "tokentrail_writes"
_DURABLE: Final = "tokentrail_durable"
_MAKES_TABLES: Final = "start `tokentrail run`, which makes the store, or name another in [store] url"
_SECRETS: Final = ("password", "sslpassword", "passfile")
"""Parameters that libpq takes in the query of a URL."""
_AWAY: Final = "check that it runs, that nothing locks it, and [store] url"
_URLS: Final = "write sqlite:///file.db or postgresql+psycopg://user:password@host/database"


class clock(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """The database's wall clock in µs since the epoch: one clock for all workers, whatever their hosts believe."""

    type = BigInteger()
    inherit_cache = True
    name = "clock"


@compiles(clock, "sqlite")
def _sqlite_clock(_element: clock, _compiler: SQLCompiler, **_options: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(clock, "postgresql")
def _postgres_clock(_element: clock, _compiler: SQLCompiler, **_options: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


class Database:
    """One store: `read()` and `write()` give connections inside a transaction that ends with the block."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(**{_WRITES: True, _DURABLE: True})
        self._passing = engine.execution_options(**{_WRITES: True, _DURABLE: False})

    @property
    def place(self) -> str:
        """Its URL without the password, for people."""
        return _shown(self.engine.url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        with _errors_named(self.place), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, or left without a trace.

        Args:
            durable: wait until it is on the disk. Otherwise a power failure may undo the latest such transactions, in
                reverse order; the next durable one takes them along. A killed process undoes nothing either way.

        Raises:
            StoreUnavailableError: the database does not answer, or stayed locked.
        """
        engine = self._writing if durable else self._passing
        with _errors_named(self.place), engine.begin() as connection:
            yield connection

    def size(self) -> int:
        """Bytes the database takes on disk.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        sqlite = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        postgres = "SELECT pg_database_size(current_database())"
        with self.read() as connection:
            question = sqlite if self.engine.dialect.name == "sqlite" else postgres
            return int(connection.exec_driver_sql(question).scalar_one())

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def connect(url: str, *, must_exist: bool = False) -> Database:
    """Prepare a store; nothing is opened before the first transaction.

    Args:
        url: SQLAlchemy URL: `sqlite:///path/to/file.db` or `postgresql+psycopg://user:password@host/database`.
        must_exist: refuse a SQLite file that is not there, instead of making it.

    Raises:
        StoreError: the URL is of another kind, or a SQLite file is missing or its directory cannot be made.
    """
    parsed = _parsed(url)
    match parsed.get_backend_name():
        case "sqlite":
            return Database(_sqlite(url, parsed.database, must_exist=must_exist))
        case "postgresql":
            # A pooled connection may have died with the server; asking first costs one round trip.
            engine = _engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
            event.listen(engine, "connect", _prepare_postgres)
            event.listen(engine, "begin", _begin_postgres)
            return Database(engine)
        case other:
            raise StoreError(f"no store on {other}", place="store", next_step=_URLS)


def without_password(url: str) -> str:
    """Write a store's URL for people. Raises StoreError if it is none."""
    return _shown(_parsed(url))


def _shown(url: URL) -> str:
    return url.difference_update_query(_SECRETS).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # Without its cause: SQLAlchemy quotes what it took for a port, which may be the end of a password.
        raise StoreError("no URL", place="store", next_step=_URLS) from None


def _engine(url: str, *, pool_pre_ping: bool, connect_args: Mapping[str, object]) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=pool_pre_ping, connect_args=dict(connect_args))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"no driver: {error}", place="store", next_step=_URLS) from error


def _sqlite(url: str, path: str | None, *, must_exist: bool) -> Engine:
    if not path or path == ":memory:":
        raise StoreError("worker and dashboard share the store, so SQLite needs a file", place="store", next_step=_URLS)
    if must_exist and not Path(path).is_file():
        raise StoreError("no such file", place=path, next_step=_MAKES_TABLES)
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make its directory: {error.strerror}", place=path, next_step="choose another place in [store] url"
        ) from error
    engine = _engine(url, pool_pre_ping=False, connect_args={"timeout": BUSY_TIMEOUT_MS / 1_000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgres(connection: psycopg.Connection, _record: object) -> None:
    # A leader frozen within a transaction holds the row of the lease; without this it would keep every standby out.
    connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}")
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions of its own, too late
    for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_postgres(connection: Connection) -> None:
    if not connection.get_execution_options().get(_DURABLE, True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_WRITES, False):
        connection.exec_driver_sql("BEGIN")
        return
    # In WAL mode NORMAL leaves out only the wait for the disk at each commit.
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options[_DURABLE] else 'NORMAL'}")
    # A reader that turns writer cannot wait for the lock, so writers take it first.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _errors_named(place: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise StoreUnavailableError(f"does not answer: {_first_line(error)}", place=place, next_step=_AWAY) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            what = f"broke the connection: {_first_line(error)}"
            raise StoreUnavailableError(what, place=place, next_step=_AWAY) from error
        raise StoreError(
            f"refused a statement: {_first_line(error)}",
            place=place,
            next_step="see whether this is a tokentrail store",
        ) from error


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return next(iter(str(cause).strip().splitlines()), type(cause).__name__)
