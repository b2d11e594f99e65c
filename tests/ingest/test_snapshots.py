from __future__ import annotations

from pathlib import Path

import pytest

from ingest.snapshots import append_snapshot, read_snapshots
from schemas.errors import SourceError
from schemas.inventory import ListedKey, Snapshot


def snapshot(since: int) -> Snapshot:
    return Snapshot(tenant=None, iss="https://id", keys=(ListedKey(kid="k\n", kty="RSA"),), since=since)


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.ndjson"
    assert list(read_snapshots(path)) == []
    append_snapshot(path, snapshot(1))
    append_snapshot(path, snapshot(2))
    assert list(read_snapshots(path)) == [snapshot(1), snapshot(2)]


def test_a_line_that_a_crash_cut_off_was_never_there(tmp_path: Path) -> None:
    path = tmp_path / "keys.ndjson"
    append_snapshot(path, snapshot(1))
    with path.open("ab") as file:
        file.write(b'{"tenant": nu')
    assert list(read_snapshots(path)) == [snapshot(1)]
    append_snapshot(path, snapshot(2))
    assert list(read_snapshots(path)) == [snapshot(1), snapshot(2)]


@pytest.mark.parametrize("line", [b"{}", b"nonsense", b'{"since": "x"}', b"\xff"])
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "keys.ndjson"
    append_snapshot(path, snapshot(1))
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(SourceError, match=r"keys\.ndjson:2"):
        list(read_snapshots(path))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        list(read_snapshots(tmp_path))
