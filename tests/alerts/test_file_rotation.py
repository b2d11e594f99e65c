"""Files of alerts that are set aside: no line is lost, doubled or cut, whatever the size, the day or a fault."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.formats import NATIVE
from alerts.sinks import SinkError
from alerts.sinks.file import FileSink, Rotation
from schemas.revisions import StoredRevision
from tests.alerts.siem import stored
from tests.dashboard.alert_samples import sample

DAY = 86_400
START = 1_780_000_000.0
"""28 May 2026."""
REVISIONS = [stored(sample(number)) for number in range(12)]
SIZES = [len(NATIVE.record(revision) or b"") + 1 for revision in REVISIONS]


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def numbered(path: Path) -> list[Path]:
    """Files set aside, oldest first, then the one that is written."""
    aside = sorted(path.parent.glob(f"{path.name}.*"), key=lambda it: (it.name[:-2], int(it.suffix[1:])))
    return [*aside, path]


def records(path: Path) -> list[bytes]:
    return [line for each in numbered(path) for line in each.read_bytes().splitlines()]


def expected(revisions: list[StoredRevision]) -> list[bytes]:
    return [NATIVE.record(revision) or b"" for revision in revisions]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3 * max(SIZES)), st.lists(st.integers(1, 4), max_size=12), st.booleans())
def test_no_file_is_larger_than_it_may_be(
    tmp_path_factory: pytest.TempPathFactory, limit: int, batches: list[int], restarts: bool
) -> None:
    path = tmp_path_factory.mktemp("rotation") / "alerts"
    left = list(REVISIONS)
    sink = FileSink(path, rotation=Rotation(max_bytes=limit))
    for size in batches:
        sink.write(left[:size])
        left = left[size:]
        if restarts:
            sink.close()
            sink = FileSink(path, rotation=Rotation(max_bytes=limit))
    sink.close()
    assert records(path) == expected(REVISIONS[: len(REVISIONS) - len(left)])
    for file in numbered(path):
        assert file.stat().st_size <= limit or len(file.read_bytes().splitlines()) == 1


@pytest.mark.parametrize("restart", [False, True])
def test_each_day_has_its_file_named_after_it(restart: bool, tmp_path: Path) -> None:
    path, clock = tmp_path / "alerts.ndjson", Clock()
    sink = FileSink(path, rotation=Rotation(daily=True), clock=clock)
    for day in range(3):
        clock.now = START + day * DAY
        for hour in range(2):
            sink.write([REVISIONS[2 * day + hour]])
        os.utime(path, (clock.now, clock.now))
        if restart:
            sink.close()
            sink = FileSink(path, rotation=Rotation(daily=True), clock=clock)
    sink.close()
    names = [file.name for file in numbered(path)]
    assert names == ["alerts.ndjson.2026-05-28.1", "alerts.ndjson.2026-05-29.1", "alerts.ndjson"]
    assert [len(file.read_bytes().splitlines()) for file in numbered(path)] == [2, 2, 2]
    assert records(path) == expected(REVISIONS[:6])


def test_what_was_set_aside_is_never_written_over(tmp_path: Path) -> None:
    path, clock = tmp_path / "alerts", Clock()
    (tmp_path / "alerts.2026-05-28.1").write_text("mine", "utf-8")
    sink = FileSink(path, rotation=Rotation(max_bytes=1), clock=clock)
    sink.write(REVISIONS[:3])
    sink.close()
    assert (tmp_path / "alerts.2026-05-28.1").read_text("utf-8") == "mine"
    assert [orjson.loads(line)["alert_id"] for line in records(path)[1:]] == [it.alert_id for it in REVISIONS[:3]]


def test_a_fault_between_two_files_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alerts"
    sink = FileSink(path, rotation=Rotation(max_bytes=1), clock=Clock())
    sink.write(REVISIONS[:1])
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(Path, "open", full)
        for _ in range(2):
            with pytest.raises(SinkError, match="No space left"):
                sink.write(REVISIONS[1:3])
    sink.write(REVISIONS[1:3])
    sink.close()
    assert records(path) == expected(REVISIONS[:3])
