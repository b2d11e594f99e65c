"""`[[keys]]` and `[[jwks]]` from outside: what is refused, and what a replay makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.settings import from_mapping
from ingest.snapshots import append_snapshot
from schemas.errors import ConfigError
from schemas.fields import parse_time
from schemas.inventory import ListedKey, Snapshot
from tests.app.conftest import Tokentrail

ISS = "https://id.acme"
JWKS = {"iss": ISS, "url": "https://id.acme/jwks"}
SETTINGS = f"""
[[jwks]]
iss = "{ISS}"
url = "https://id.acme.invalid/jwks"

[[keys]]
iss = ["{ISS}"]
ids = ["stolen"]
compromised = 2026-03-02T09:00:00+01:00
"""


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"jwks": [{"iss": ISS}]}, "set url or file"),
        ({"jwks": [JWKS | {"file": "x.json"}]}, "set url or file"),
        ({"jwks": [JWKS | {"url": "http://id.acme/jwks"}]}, "must be https"),
        ({"jwks": [JWKS | {"refresh": "15m"}]}, r"jwks\[0\]\.refresh"),
        ({"jwks": [JWKS, JWKS]}, "one issuer stands there twice"),
        ({"keys": [{"iss": [ISS]}]}, r"keys\[0\]\.ids"),
        ({"keys": [{"ids": []}]}, r"keys\[0\]\.ids"),
        ({"keys": [{"ids": ["k"], "created": "2026-03-02T09:00:00"}]}, r"keys\[0\]\.created"),
        ({"keys": [{"ids": ["k"], "expired": "2026-03-02T09:00:00Z"}]}, "is not known here"),
        ({"keys": [{"ids": ["a", "b"]}, {"ids": ["b"]}]}, "two have the same id"),
    ],
)
def test_tables_that_say_nothing_or_two_things_are_refused(content: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        from_mapping(content, "test")


def use(event_id: str, time: str, key_id: str) -> bytes:
    fields = {"event_id": event_id, "time": time, "key_id": key_id, "iss": ISS}
    return orjson.dumps(fields | {"type": "key-use", "operation": "verify", "outcome": "success"}) + b"\n"


def test_a_replay_knows_the_keys_of_the_settings_and_of_the_record(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "tokentrail.toml").write_text(SETTINGS)
    (tmp_path / "tokentrail-state").mkdir()
    listed = (ListedKey(kid="good", kty="EC"),)
    for time, keys in (("09:30", listed), ("10:10", None)):
        since = parse_time(f"2026-03-02T{time}:00Z")
        snapshot = Snapshot(tenant=None, iss=ISS, since=since, keys=keys)
        append_snapshot(tmp_path / "tokentrail-state" / "keys.ndjson", snapshot)
    (tmp_path / "events.ndjson").write_bytes(
        use("e1", "2026-03-02T07:59:00Z", "stolen")
        + use("e2", "2026-03-02T08:01:00Z", "stolen")
        + use("e3", "2026-03-02T10:00:00Z", "good")
        + use("e4", "2026-03-02T10:00:00Z", "forged")
        + use("e5", "2026-03-02T10:30:00Z", "good")
    )
    ran = tokentrail("replay", tmp_path / "events.ndjson", "--json")
    found = {(alert["detector"], alert["entities"][0]["id"], alert["time"]) for alert in ran.records}
    assert found == {
        ("key-compromised", "stolen", "2026-03-02T08:01:00.000Z"),
        ("key-unknown", "forged", "2026-03-02T10:15:00.000Z"),
    }


def test_doctor_says_what_issuers_list(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text('{"keys": [{"kty": "EC", "kid": "k1"}, {"kty": "EC", "kid": "k2"}]}')
    (tmp_path / "tokentrail.toml").write_text(
        f'[kafka]\nbootstrap_servers = "127.0.0.1:1"\n[[jwks]]\niss = "{ISS}"\nfile = "jwks.json"\n'
        '[[jwks]]\niss = "none"\nfile = "none.json"\n'
    )
    *_, listed, missing = tokentrail("doctor").text.splitlines()
    assert listed == f"✔ keys of {ISS}: jwks.json lists 2"
    assert missing.startswith("✖ keys of none: none.json: cannot be read")


def test_a_record_that_is_damaged_is_named(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "tokentrail.toml").write_text(SETTINGS)
    (tmp_path / "tokentrail-state").mkdir()
    (tmp_path / "tokentrail-state" / "keys.ndjson").write_text("nonsense\n")
    (tmp_path / "events.ndjson").write_bytes(use("e1", "2026-03-02T07:59:00Z", "good"))
    ran = tokentrail("replay", tmp_path / "events.ndjson", "--json")
    assert ran.code == 1
    assert "keys.ndjson:1" in ran.stderr
