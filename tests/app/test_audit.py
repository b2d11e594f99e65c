"""`tokentrail audit keys` from outside."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from app import key_audit
from tests.app.conftest import Ran, Tokentrail

SETTINGS = """
[[keys]]
iss = ["https://id.acme"]
ids = ["k1"]
created = 2025-01-01T00:00:00Z
retired = 2026-03-02T09:30:00Z

[[keys]]
iss = ["https://id.acme"]
ids = ["never-used"]
"""


def event(number: int, time: str, **fields: Any) -> bytes:
    base = {"event_id": f"e{number}", "time": f"2026-03-02T{time}Z", "type": "key-use", "outcome": "success"}
    return orjson.dumps(base | {"iss": "https://id.acme"} | fields) + b"\n"


LOG = b"".join(
    [
        event(1, "09:00:00", key_id="k1", operation="sign", sub="signer"),
        event(2, "09:10:00", key_id="k1", operation="verify", sub="ann"),
        event(3, "10:00:00", key_id="k1", operation="sign", client_id="worker"),
        event(4, "10:10:00", key_id="k1", operation="sign", outcome="denied", sub="eve"),
        event(5, "10:20:00", key_id="=cmd()|x", operation="encrypt", sub="\u202esigner"),
        event(6, "10:30:00", key_id="k2", operation="create", sub="admin"),
        event(7, "10:40:00", key_id="k2", type="issue", outcome=None, sub="ann"),
        event(8, "10:50:00", operation="verify", sub="ann"),
    ]
)


@pytest.fixture
def audit(tokentrail: Tokentrail, tmp_path: Path) -> Any:
    (tmp_path / "tokentrail.toml").write_text(SETTINGS)
    (tmp_path / "events.ndjson").write_bytes(LOG)

    def run(*arguments: object) -> Ran:
        ran = tokentrail("audit", "keys", tmp_path / "events.ndjson", *arguments)
        assert ran.code == 0, ran.stderr
        return ran

    return run


def keys_of(ran: Ran) -> dict[str, dict[str, Any]]:
    return {key["key_id"]: key for key in orjson.loads(ran.stdout)["keys"]}


def test_every_key_is_reported_with_its_life(audit: Any) -> None:
    found = keys_of(audit("--as", "json"))
    assert list(found) == ["k1", "=cmd()|x", "k2", "never-used"]
    k1 = found["k1"]
    assert k1["created"].startswith("2025-01-01")
    assert k1["retired"].startswith("2026-03-02T09:30:00")
    assert k1["last_sign"].startswith("2026-03-02T10:00:00")
    assert k1["last_use"].startswith("2026-03-02T10:10:00")
    assert (k1["days"], k1["since"]) == (425, "created")
    assert k1["operations"] == {"refused": 1, "sign": 2, "verify": 1}
    assert k1["principals"] == ["signer", "worker"]
    assert k1["findings"] == ["high: key-retired: originated", "low: key-overdue: overdue"]
    k2 = found["k2"]
    assert k2["created"] == k2["first_use"]
    assert (k2["operations"], k2["principals"], k2["findings"]) == ({"create": 1, "issue": 1}, ["admin"], [])
    assert found["never-used"]["operations"] == {}


def test_a_later_audit_says_what_changed(audit: Any, tmp_path: Path) -> None:
    former = tmp_path / "former.json"
    lines = orjson.loads(audit("--as", "json").stdout)
    k1, odd, *_ = lines["keys"]
    gone = odd | {"key_id": "gone"}
    former.write_bytes(orjson.dumps({"keys": [k1 | {"retired": None, "findings": []}, odd, gone]}))
    found = keys_of(audit("--as", "json", "--former", former))
    changes = {key: line["change"] for key, line in found.items()}
    assert changes == {
        "k1": "changed: retired, findings",
        "=cmd()|x": "",
        "k2": "new",
        "never-used": "new",
        "gone": "gone",
    }
    former.write_bytes(audit("--as", "json", "--former", former).stdout)
    again = keys_of(audit("--as", "json", "--former", former))
    assert "gone" not in again
    assert {line["change"] for line in again.values()} == {""}


def test_it_is_written_for_people_and_for_spreadsheets(audit: Any) -> None:
    text = audit().text
    assert "sign 2" in text
    assert "compliant" in text
    assert "\u202e" not in text
    markdown = audit("--as", "markdown").text.splitlines()
    assert markdown[0] == "| key | life | operations | principals | findings |"
    assert len(markdown) == 6
    assert any(r"=cmd()\|x" in line for line in markdown)
    rows = list(csv.DictReader(io.StringIO(audit("--as", "csv").text)))
    assert [row["key_id"] for row in rows] == ["k1", "'=cmd()|x", "k2", "never-used"]
    assert rows[0]["operations"] == "refused 1; sign 2; verify 1"


def test_too_many_keys_are_said(audit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_audit, "MAX_KEYS", 1)
    assert "3 events of too many keys" in " ".join(audit("--as", "json").stderr.split())


@pytest.mark.parametrize("content", [b"", b"[]", b'{"keys": [{"key_id": 1}]}'])
def test_what_is_no_former_audit_is_refused(tokentrail: Tokentrail, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "former.json").write_bytes(content)
    ran = tokentrail("audit", "keys", tmp_path / "events.ndjson", "--former", tmp_path / "former.json")
    assert ran.code == 1
    assert "is no audit of keys" in ran.stderr


def test_no_keys(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_bytes(event(1, "09:00:00", operation="verify"))
    assert tokentrail("audit", "keys", tmp_path / "events.ndjson").text.strip() == "no keys"
