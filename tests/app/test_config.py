"""`tokentrail config check` and `tokentrail schema export`: what holds, before anything runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.settings import SyslogSinkSettings, from_mapping
from detectors.registry import DETECTORS
from schemas.errors import ConfigError
from schemas.export import documents
from tests.app.conftest import Tokentrail

SETTINGS = """
disabled = ["impossible-geography"]

[kafka]
bootstrap_servers = ["a:1", "b:2"]
topic = "events"

[store]
url = "postgresql+psycopg://tokentrail:s3cretpw@db/tokentrail"

[[sinks]]
type = "file"
path = "alerts.ndjson"

[[detectors]]
type = "failed-auth-burst"
brute_force_tries = 20
"""


@pytest.fixture
def settings(tmp_path: Path) -> None:
    (tmp_path / "tokentrail.toml").write_text(SETTINGS, "utf-8")


@pytest.mark.usefixtures("settings")
def test_check_shows_what_would_run(tokentrail: Tokentrail) -> None:
    ran = tokentrail("config", "check")
    assert ran.code == 0
    lines = dict(re.split(" {2,}", line) for line in ran.text.splitlines()[1:])
    assert ran.text.startswith("ok\n")
    assert lines["events"] == "events on a:1, b:2, format native"
    assert lines["store"].startswith("postgresql+psycopg://tokentrail:***@db/")
    assert lines["sink file"] == "file alerts.ndjson"
    assert lines["failed-auth-burst"] == "brute_force_tries = 20"
    assert lines["refresh-reuse"] == "defaults"
    assert "impossible-geography" not in lines


@pytest.mark.usefixtures("settings")
def test_check_gives_every_setting_as_json(tokentrail: Tokentrail) -> None:
    (shown,) = tokentrail("config", "check", "--json").records
    assert shown["kafka"]["bootstrap_servers"] == ["a:1", "b:2"]
    assert shown["detectors"].keys() == DETECTORS.keys() - {"impossible-geography"}
    assert shown["detectors"]["failed-auth-burst"]["brute_force_tries"] == 20
    assert "s3cretpw" not in json.dumps(shown)


def test_check_says_that_a_worker_needs_a_key(tokentrail: Tokentrail, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "TOKENTRAIL_HASH_KEY is not set" in tokentrail("config", "check").stderr
    monkeypatch.setenv("TOKENTRAIL_HASH_KEY", "5a" * 32)
    assert tokentrail("config", "check").stderr == ""
    monkeypatch.setenv("TOKENTRAIL_HASH_KEY", "short")
    assert tokentrail("config", "check").code == 2


def test_schemas_go_to_stdout_or_into_a_folder(tokentrail: Tokentrail, tmp_path: Path) -> None:
    assert tokentrail("schema", "export").records == [documents()]
    ran = tokentrail("schema", "export", "--out", "new/schemas")
    assert (ran.code, ran.stdout) == (0, b"")
    written = {path.name: json.loads(path.read_text("utf-8")) for path in (tmp_path / "new" / "schemas").iterdir()}
    assert written == documents()


def test_a_format_brings_its_own_topic(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "tokentrail.toml").write_text('[[sinks]]\ntype = "kafka"\nformat = "cef"\n', "utf-8")
    (shown,) = tokentrail("config", "check", "--json").records
    assert shown["sinks"] == [
        {"format": "cef", "all_changes": False, "type": "kafka", "name": "kafka", "topic": "token.alerts.cef.v1"}
    ]


def test_an_unknown_format_is_named(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "tokentrail.toml").write_text('[[sinks]]\ntype = "kafka"\nformat = "xml"\n', "utf-8")
    ran = tokentrail("config", "check")
    assert ran.code == 2
    assert "unknown format 'xml'; known are native, ocsf, cef" in ran.stderr


def test_a_syslog_sink_is_secure_unless_told_otherwise(tokentrail: Tokentrail, tmp_path: Path) -> None:
    file = tmp_path / "tokentrail.toml"
    sink = '[[sinks]]\ntype = "syslog"\nhost = "siem.example"\n'
    file.write_text(sink, "utf-8")
    assert re.search(r"sink syslog +tls siem\.example:6514", tokentrail("config", "check").text)
    file.write_text(f'{sink}transport = "tcp"\nport = 601\n', "utf-8")
    assert re.search(r"sink syslog +tcp siem\.example:601", tokentrail("config", "check").text)
    file.write_text(f"{sink}wait_for_close = false\n", "utf-8")
    assert "goes with tcp only" in tokentrail("config", "check").stderr
    for wrong in ('facility = "local8"', 'app_name = "a b"', 'hostname = "ü"', "port = 0"):
        file.write_text(f"{sink}{wrong}\n", "utf-8")
        ran = tokentrail("config", "check")
        assert (ran.code, ran.stdout) == (2, b"")
        assert f"sinks[syslog].{wrong.split()[0]}: " in ran.stderr.replace("syslog].syslog", "syslog]")


@pytest.mark.parametrize("name", ["ca_file", "cert_file"])
def test_a_tls_file_of_a_syslog_sink_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate", "utf-8")
    for path, why in ((broken, ""), (tmp_path / "missing.pem", "No such file")):
        (sink,) = from_mapping({"sinks": [{"type": "syslog", "host": "siem.example", name: path}]}, "test").sinks
        assert isinstance(sink, SyslogSinkSettings)
        with pytest.raises(ConfigError, match=f"sink syslog: {path}: cannot be read: {why}"):
            sink.tls()
