"""Whatever goes wrong: one line says where, what and what next, and the exit code says of which kind it is."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import store.engine
from app.brokers import ANSWER
from ingest.deadletter_topic import DeadLetterTopic
from schemas.errors import SourceError
from tests.app.conftest import Ran, Tokentrail
from tests.services.service import Service

PASSWORD = "s3cretpw"
KEY = "5a" * 32
EVENT = (
    b'{"event_id":"e1","type":"issue","time":"2026-03-02T09:00:00Z","sub":"ana","iss":"https://id.example",'
    b'"client_id":"web","source":"test"}\n'
)
AWAY = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """What the commands below find in their folder."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "events").write_bytes(EVENT)
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "table").write_text("a,b,c\n", "utf-8")
    (tmp_path / "half.toml").write_text("[kafka\n", "utf-8")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    return tmp_path


def expect(ran: Ran, code: int, *parts: str) -> None:
    """Nothing on stdout, no traceback, and a last line that holds the parts in this order."""
    assert (ran.code, ran.stdout) == (code, b""), ran.stderr
    assert "Traceback" not in ran.stderr
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    at = 0
    for part in parts:
        assert part in last[at:], last
        at = last.index(part, at) + len(part)


@pytest.mark.parametrize(
    ("command", "code", "parts"),
    [
        ("replay nowhere", 1, ["nowhere", "no such file", "check the path"]),
        ("replay empty", 1, ["empty", "no file inside", "check the path"]),
        ("replay binary", 1, ["binary", "nothing in it can be used", "--format"]),
        ("replay events --out nowhere/alerts", 1, ["nowhere/alerts", "No such file or directory", "check the path"]),
        ("replay events --out empty", 1, ["empty", "Is a directory", "check the path"]),
        ("replay events --dead-letters nowhere/dead", 1, ["nowhere/dead", "No such file", "check the path"]),
        ("replay events --format vault3", 2, ["--format", "unknown format 'vault3'", "native", "cloudtrail"]),
        ("replay events --detector oracle", 2, ["--detector", "unknown detector 'oracle'", "failed-auth-burst"]),
        ("replay events --set x", 2, ["--set", "'x' sets nothing", "detector.parameter=value"]),
        ("replay events --set oracle.x=1", 2, ["--set", "'oracle.x=1' sets nothing"]),
        ("replay events --set refresh-reuse.x=1", 2, ["--set", "[refresh-reuse].x", "is not known here"]),
        (
            "replay events --set failed-auth-burst.brute_force_tries=many",
            2,
            ["--set", "[failed-auth-burst]", "valid integer"],
        ),
        ("replay events --from yesterday", 2, ["--from", "RFC 3339", "2026-01-31T12:00:00Z"]),
        ("replay events --to 2026-01-31T12:00:00", 2, ["--to", "offset"]),
        (
            "replay events --from 2026-03-02T09:00:00Z --to 2026-03-02T08:00:00Z",
            2,
            ["--to", "is not after --from", "give a later time"],
        ),
        ("replay events --fail-on awful", 2, ["--fail-on", "'awful' is no severity", "critical"]),
        ("replay events --batch-size 0", 2, ["--batch-size", "tokentrail replay --help"]),
        ("replay", 2, ["sources", "tokentrail replay --help"]),
        ("replay kafka://host", 2, ["kafka://", "host:port", "kafka://host:port/topic"]),
        ("replay kafka://host:9092", 2, ["kafka://host:9092", "names no topic", "kafka://host:port/topic"]),
        ("replay kafka://host:port/topic", 2, ["kafka://", "host:port"]),
        ("replay kafka://host:9092/topic --follow", 2, ["--follow", "to its end of now", "tokentrail run"]),
        ("replay kafka://host:9092/topic events", 2, ["kafka://host:9092/topic", "replayed alone"]),
        ("replay events --config nowhere.toml", 2, ["nowhere.toml", "no such file", "tokentrail.toml"]),
        ("replay events --config empty", 2, ["empty", "Is a directory", "readable file"]),
        ("replay events --config half.toml", 2, ["half.toml", "is no TOML", "line 1", "mend"]),
        ("replay events --config binary.toml", 2, ["binary.toml", "is no TOML", "mend"]),
        ("simulate --events 9 --out nowhere/x", 1, ["nowhere/x", "No such file", "check the path"]),
        ("simulate --events 9 --out x --labels nowhere/x", 1, ["nowhere/x", "No such file", "check the path"]),
        ("simulate --events 9 --out x --scenario chess", 2, ["unknown scenario 'chess'", "brute-force", "--help"]),
        ("simulate --events 9 --out x --duration 1h", 2, ["--duration", "without --events"]),
        ("simulate --duration forever --out x", 2, ["--duration", "'forever' is no duration", "2h"]),
        ("simulate --out x --labels y", 2, ["--labels", "live", "--events"]),
        ("simulate --events 9 --out x --start noon", 2, ["--start", "RFC 3339"]),
        ("evaluate nowhere events", 1, ["events:1", "is no label"]),
        ("evaluate events nowhere", 1, ["nowhere", "No such file", "check the path"]),
        ("evaluate events binary", 1, ["binary:1", "is no label", "check which file is which"]),
        ("score-series events", 1, ["events:1", "is no point of a series", "mend the line"]),
        ("score-series nowhere", 1, ["nowhere", "No such file", "check the path"]),
        ("score-series binary", 1, ["binary:2", "is no point of a series", "mend the line"]),
        ("score-series table --value 1", 1, ["table", "holds no point", "CSV"]),
        ("score-series table", 2, ["--value", "not clear which", "name it"]),
        ("score-series table --value level", 2, ["--value", "no column 'level'", "or its number"]),
        ("score-series table --value 1 --out empty", 1, ["empty", "Is a directory", "check the path"]),
        ("schema export --out events", 1, ["events", "File exists", "check the path"]),
        ("config check --config nowhere.toml", 2, ["nowhere.toml", "no such file"]),
        ("tokens hash", 2, ["TOKENTRAIL_HASH_KEY", "is not set", "openssl rand -hex 32"]),
        ("run", 2, ["TOKENTRAIL_HASH_KEY", "is not set", "openssl rand -hex 32"]),
        ("dashboard --host 192.0.2.1", 1, ["192.0.2.1", "nobody would have to log in", "bind 127.0.0.1"]),
        ("demo --start noon", 2, ["--start", "RFC 3339"]),
        ("juggle", 2, ["No such command 'juggle'", "tokentrail --help"]),
    ],
)
def test_what_cannot_be_done(command: str, code: int, parts: list[str], tokentrail: Tokentrail) -> None:
    expect(tokentrail(*command.split()), code, *parts)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ("brokers = 1", ["brokers", "is not known here"]),
        ("[kafka]\nbootstrap = 'a:1'", ["kafka.bootstrap", "is not known here"]),
        ("[kafka]\nbootstrap_servers = 'a'", ["kafka.bootstrap_servers", "host:port"]),
        ("[kafka]\nbootstrap_servers = ['a:1', 'b:99999']", ["kafka.bootstrap_servers", "host:port"]),
        ("[kafka]\nsecurity_protocol = 'SASL_SSL'", ["kafka", "needs sasl_mechanism and sasl_plain_username"]),
        ("[kafka]\nsasl_mechanism = 'PLAIN'", ["kafka", "needs security_protocol SASL_SSL"]),
        ("[source]\nformat = 'nginx'", ["source.format", "unknown format 'nginx'", "cloudtrail"]),
        ("[source]\nlateness = 'soon'", ["source.lateness", "is no duration", "90s"]),
        ("[source]\nlateness = '30d'", ["source.lateness", "less than or equal"]),
        ("[store]\nurl = 'somewhere'", ["store.url", "no URL", "sqlite:///file.db"]),
        ("[worker]\nport = 70000", ["worker.port", "less than or equal"]),
        ("[dead_letters]\ntopic = ''", ["dead_letters", "set topic or file"]),
        ("[[sinks]]\ntype = 'pigeon'", ["sinks", "'file', 'kafka'"]),
        ("[[sinks]]\ntype = 'file'", ["sinks[file]", "path", "required"]),
        ("[[sinks]]\ntype = 'kafka'\n[[sinks]]\ntype = 'kafka'", ["sinks: two have the same name"]),
        ("disabled = ['oracle']", ["disabled: unknown detector 'oracle'", "refresh-reuse"]),
        ("[[detectors]]\ntype = 'oracle'", ["detectors[oracle]", "unknown detector 'oracle'", "refresh-reuse"]),
        ("[[detectors]]\ntype = 'refresh-reuse'\nx = 1", ["detectors[refresh-reuse].x", "is not known here"]),
        ("[[detectors]]\ntype = 'refresh-reuse'\n[[detectors]]\ntype = 'refresh-reuse'", ["two have the same type"]),
    ],
)
def test_settings_that_are_not_allowed(settings: str, parts: list[str], tokentrail: Tokentrail, folder: Path) -> None:
    (folder / "tokentrail.toml").write_text(settings, "utf-8")
    expect(tokentrail("config", "check"), 2, "tokentrail.toml", *parts, "see docs/configuration.md")


@pytest.mark.parametrize(
    ("key", "previous", "parts"),
    [
        ("zz", "", ["TOKENTRAIL_HASH_KEY: is no key", "<version>:<hex>"]),
        ("00" * 8, "", ["shorter than 16 bytes", "openssl rand -hex 32"]),
        (KEY, "zz", ["TOKENTRAIL_HASH_KEY_PREVIOUS: is no key", "<version>:<hex>"]),
        (f"2:{KEY}", f"2:{KEY}", ["TOKENTRAIL_HASH_KEY_PREVIOUS: has the version", "3:<hex>"]),
    ],
)
def test_a_bad_hash_key(
    key: str, previous: str, parts: list[str], tokentrail: Tokentrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENTRAIL_HASH_KEY", key)
    monkeypatch.setenv("TOKENTRAIL_HASH_KEY_PREVIOUS", previous)
    for command in (["tokens", "hash"], ["replay", "events"]):
        expect(tokentrail(*command, stdin=b"token"), 2, *parts)


def test_a_file_that_may_not_be_read(tokentrail: Tokentrail, folder: Path) -> None:
    # Root may read everything, so a socket stands for a file that cannot be opened.
    with socket.socket(socket.AF_UNIX) as unreadable:
        unreadable.bind(str(folder / "unreadable"))
        expect(tokentrail("replay", "unreadable"), 1, "unreadable", "check the path")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a broker that never comes."""
    monkeypatch.setitem(ANSWER, "bootstrap_timeout_ms", 300)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "command", ["replay kafka://127.0.0.1:1/t", "simulate --events 9 --out kafka://127.0.0.1:1/t", "topics create"]
)
def test_a_broker_that_is_away(command: str, tokentrail: Tokentrail, folder: Path) -> None:
    (folder / "tokentrail.toml").write_text(f"[kafka]\nbootstrap_servers = '{AWAY}'", "utf-8")
    expect(tokentrail(*command.split()), 1, "127.0.0.1:1", "check")


def test_dead_letters_without_a_broker() -> None:
    with pytest.raises(SourceError, match=r"no broker answers.*check bootstrap_servers"):
        DeadLetterTopic("dead", {"bootstrap_servers": AWAY, "bootstrap_timeout_ms": 300})


def test_a_topic_that_is_missing(
    tokentrail: Tokentrail, kafka_broker: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.streams.TOPIC_MS", 500)
    url = f"kafka://{kafka_broker.address}/missing"
    expect(tokentrail("replay", url), 1, "missing", "no such topic", "tokentrail topics create")
    expect(tokentrail("simulate", "--events", 9, "--out", url), 1, "missing", "no such topic", "topics create")
    settings = f"[kafka]\nbootstrap_servers = '{kafka_broker.address}'\ntopic = 'missing'\n"
    settings += "[worker]\nport = 0\n[dead_letters]\ntopic = ''\nfile = 'dead.ndjson'\n"
    (folder / "tokentrail.toml").write_text(settings, "utf-8")
    expect(outside("run", folder=folder), 1, "missing", "no such topic", "tokentrail topics create")


def test_a_topic_for_dead_letters_that_is_missing(
    kafka_broker: Service, make_topic: Callable[[int], str], folder: Path
) -> None:
    settings = f"[kafka]\nbootstrap_servers = '{kafka_broker.address}'\ntopic = '{make_topic(1)}'\n"
    settings += "[worker]\nport = 0\n[dead_letters]\ntopic = 'nowhere'\n"
    (folder / "tokentrail.toml").write_text(settings, "utf-8")
    expect(outside("run", folder=folder), 1, "kafka topic nowhere", "no such topic", "tokentrail topics create")


def outside(*arguments: str, folder: Path) -> Ran:
    """Run a worker: it takes signals and sets up logging, so in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", *arguments],
        env={**os.environ, "TOKENTRAIL_HASH_KEY": KEY, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout.encode(), done.stderr)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_that_is_taken(tokentrail: Tokentrail, taken: int, folder: Path) -> None:
    expect(tokentrail("dashboard", "--port", taken), 1, f"127.0.0.1:{taken}", "in use", "choose another --port")
    settings = f"[worker]\nport = {taken}\n[dead_letters]\ntopic = ''\nfile = 'dead.ndjson'\n"
    (folder / "tokentrail.toml").write_text(settings, "utf-8")
    expect(outside("run", folder=folder), 2, f"127.0.0.1:{taken}", "in use", "choose another port")


def test_the_port_of_the_demo_is_asked_for_before_anything_is_compiled(tokentrail: Tokentrail, taken: int) -> None:
    ran = tokentrail("demo", "--port", taken, "--no-browser")
    expect(ran, 1, f"127.0.0.1:{taken}", "in use", "choose another --port")
    assert ran.stderr.count("\n") == 1


def test_a_store_that_is_locked(tokentrail: Tokentrail, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.engine, "BUSY_TIMEOUT_MS", 100)
    with closing(sqlite3.connect(folder / "tokentrail.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        expect(tokentrail("alerts", "list"), 1, "tokentrail.db", "locked", "check")


def test_a_store_that_is_something_else(tokentrail: Tokentrail, folder: Path) -> None:
    (folder / "tokentrail.db").write_bytes(b"no database, but some other file of more than a hundred bytes" * 9)
    expect(tokentrail("alerts", "list"), 1, "tokentrail.db", "not a database", "tokentrail store")


URLS = [
    f"postgresql+psycopg://tokentrail:{PASSWORD}@{AWAY}/tokentrail",
    f"postgresql+psycopg://{AWAY}/tokentrail?password={PASSWORD}",
    f"postgresql+psycopg://tokentrail:x@y:{PASSWORD}@{AWAY}/tokentrail",
    f"mysql://tokentrail:{PASSWORD}@{AWAY}/tokentrail",
]


@pytest.mark.parametrize("url", URLS)
def test_no_password_of_a_database_is_ever_shown(url: str, tokentrail: Tokentrail, folder: Path) -> None:
    (folder / "tokentrail.toml").write_text(f"[store]\nurl = '{url}'\n", "utf-8")
    for command in ("alerts list", "alerts show 1", "config check", "config check --json"):
        ran = tokentrail(*command.split())
        assert PASSWORD not in ran.text + ran.stderr
        assert "Traceback" not in ran.stderr
        assert "alerts" not in command or ran.code in {1, 2}
    ran = outside("run", folder=folder)
    assert PASSWORD not in ran.text + ran.stderr
    assert ran.code in {1, 2}
    assert ran.stderr.splitlines()[-1].startswith("error: ")


@pytest.mark.usefixtures("impatient")
def test_no_password_of_a_broker_is_ever_shown(
    tokentrail: Tokentrail,
    folder: Path,
    kafka_broker: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TOKENTRAIL_KAFKA_PASSWORD", PASSWORD)
    asks = "security_protocol = 'SASL_PLAINTEXT'\nsasl_mechanism = 'PLAIN'\nsasl_plain_username = 'u'\n"
    settings = f"[kafka]\nbootstrap_servers = '{kafka_broker.address}'\n{asks}"
    (folder / "tokentrail.toml").write_text(settings, "utf-8")
    said = [tokentrail("topics", "create"), tokentrail("config", "check", "--json")]
    assert [ran.code for ran in said] == [1, 0]
    (folder / "inside.toml").write_text(f"{settings}sasl_plain_password = '{PASSWORD}'\n", "utf-8")
    (folder / "server.toml").write_text(f"[kafka]\nbootstrap_servers = 'u:{PASSWORD}@{AWAY}'\n", "utf-8")
    said += [tokentrail("config", "check", "--config", name) for name in ("inside.toml", "server.toml")]
    url = f"kafka://u:{PASSWORD}@{AWAY}/t"
    said += [tokentrail("replay", url), tokentrail("simulate", "--events", "9", "--out", url)]
    assert [ran.code for ran in said[2:]] == [2, 2, 2, 2]
    assert all(PASSWORD not in ran.text + ran.stderr for ran in said)
    assert PASSWORD not in caplog.text


def test_sasl_without_a_password_says_where_it_goes(
    tokentrail: Tokentrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKENTRAIL_KAFKA_PASSWORD", raising=False)
    asks = "security_protocol = 'SASL_SSL'\nsasl_mechanism = 'PLAIN'\nsasl_plain_username = 'u'\n"
    (folder / "tokentrail.toml").write_text(f"[kafka]\n{asks}", "utf-8")
    expect(tokentrail("topics", "create"), 2, "[kafka]", "needs a password", "set TOKENTRAIL_KAFKA_PASSWORD")
    (folder / "tokentrail.toml").write_text("[kafka]\nsecurity_protocol = 'SSL'\nssl_cafile = 'no.pem'\n", "utf-8")
    expect(tokentrail("topics", "create"), 2, "ssl_cafile", "no.pem", "no such file", "PEM")


def test_a_closed_pipe_is_no_traceback(folder: Path) -> None:
    script = "from app.cli import main; main()"
    command = f"{sys.executable} -c '{script}' simulate --seed 1 --events 20000 --out - | head -c 10"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, check=False, timeout=60)
    assert done.stderr == b""


def test_strings_in_messages_are_harmless(tokentrail: Tokentrail) -> None:
    ran = tokentrail("replay", "\x1b[31mred\n\u202ename")
    expect(ran, 1, r"\x1b[31mred \u202ename", "no such file")
    assert ran.stderr.count("\n") == 1
