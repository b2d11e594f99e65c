"""A PostgreSQL server for tests: given, as a container, or a private cluster of Debian's package."""

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.services.daemon import Daemon
from tests.services.docker_engine import Container, docker_answers
from tests.services.service import Elsewhere, Service, ServiceMissingError, free_ports

VARIABLE = "TOKENTRAIL_TEST_POSTGRES"
IMAGE = "postgres:17-alpine"
# A test cluster is thrown away, so it need not survive the machine.
THROWN_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def postgres_service(directory: Path) -> Service:
    """Return the server of this machine, not yet started; raises ServiceMissingError.

    Its address is a URL with the right to create databases. Order: TOKENTRAIL_TEST_POSTGRES, a
    container where Docker answers, Debian's `postgresql` with its data in `directory` (which other
    users can reach: root runs the server as one).
    """
    if given := os.environ.get(VARIABLE):
        return Service(given, Elsewhere(VARIABLE), _answers)
    (port,) = free_ports(1)
    url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    if docker_answers():
        env = {"POSTGRES_HOST_AUTH_METHOD": "trust"}
        return Service(url, Container(IMAGE, inner_port=5432, port=port, env=env), _answers)
    if programs := find_programs():
        return Service(url, _process(programs, directory, port), _answers)
    message = (
        f"no PostgreSQL for the tests: set {VARIABLE}=postgresql+psycopg://user:password@host/database, or start "
        "Docker, or install the server (Debian: apt install postgresql)"
    )
    raise ServiceMissingError(message)


def find_programs() -> Path | None:
    """Return the directory of `initdb` and `postgres`; Debian keeps the newest off the PATH."""
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in found), key=lambda bin_: int(bin_.parent.name), default=None)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Create an empty database, yield its URL and drop it, whoever is still connected."""
    name = f"tokentrail_test_{uuid.uuid4().hex}"
    database = sql.Identifier(name)
    with psycopg.connect(_conninfo(server_url), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(_conninfo(server_url), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def _conninfo(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(_conninfo(url), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _process(programs: Path, directory: Path, port: int) -> Daemon:
    # The server refuses to run as root, so root hands the directory to Debian's own user.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(directory, user)
    data = directory / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True,
        capture_output=True,
        text=True,
        user=user,
        cwd=directory,
    )
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *THROWN_AWAY]
    command = [str(programs / "postgres"), "-D", str(data), *(word for o in options for word in ("-c", o))]
    # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
    return Daemon(command, log=directory / "postgres.log", stop_signal=signal.SIGINT, user=user)
