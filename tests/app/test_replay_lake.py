"""`tokentrail replay lake:`: kept events give the alerts of a file, or with `--as-seen` those of the worker."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingest.simulator import Disorder, Planned, Simulation, Traffic
from schemas.fields import parse_time
from store.engine import connect
from store.lake import LakeFolder, LakeList
from tests.app.conftest import Tokentrail
from tests.lakes import keep, settings_of

START = parse_time("2026-03-02T09:54:00Z")
MINUTE = 60_000_000
PLAN = (
    Planned("refresh-theft", "victim-first", START + MINUTE),
    Planned("brute-force", "success", START + 3 * MINUTE),
    Planned("password-spray", "fast", START + 5 * MINUTE),
)


def made(disorder: Disorder) -> list[dict[str, Any]]:
    traffic = Traffic(rate=10.0, users=60, disorder=disorder)
    return list(islice(Simulation(3, START, PLAN, traffic), 5_000))


def test_the_same_alerts_as_from_a_file(tokentrail: Tokentrail, tmp_path: Path) -> None:
    events = made(Disorder(late=0.2, lateness=5.0, doubled=0.05))
    settings = settings_of(tmp_path, source={"lateness": "10s"})
    live = keep(settings, events)
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(orjson.dumps(event) for event in events) + b"\n")
    from_file = tokentrail("replay", "events.ndjson", "--json")
    from_lake = tokentrail("replay", "lake:", "--json")
    assert len(from_file.records) > 10
    assert from_lake.stdout == from_file.stdout
    assert sorted(from_lake.stdout.decode().splitlines()) == sorted(live)
    assert f"{len(events)} records read; 0 refused" in from_lake.stderr


def test_as_seen_repeats_even_what_was_late(tokentrail: Tokentrail, tmp_path: Path) -> None:
    events = made(Disorder(late=0.3, lateness=60.0, doubled=0.05))
    settings = settings_of(tmp_path, source={"lateness": "1s"})
    live = keep(settings, events)
    seen = tokentrail("replay", "lake:", "--as-seen", "--json")
    assert sorted(seen.stdout.decode().splitlines()) == sorted(live)
    assert "; 0 late" not in seen.stderr
    assert seen.stdout != tokentrail("replay", "lake:", "--json").stdout


def test_a_time_opens_only_its_files(tokentrail: Tokentrail, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    keep(settings, made(Disorder()))
    database = connect(settings.store.url)
    listed = LakeList(database)
    folder = LakeFolder(settings.lake.path / str(listed.folder()))
    ten = parse_time("2026-03-02T10:00:00Z")
    before = [segment.name for segment in listed.segments(until=ten)]
    assert before
    assert len(listed.segments(since=ten)) > 1
    folder.drop(before)
    later = tokentrail("replay", "lake:", "--from", "2026-03-02T10:00:00Z")
    assert later.code == 0, later.stderr
    whole = tokentrail("replay", "lake:")
    assert whole.code == 1
    assert "lake: cannot be read" in whole.stderr
    database.close()


def test_a_lake_that_was_moved(tokentrail: Tokentrail, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    keep(settings, made(Disorder())[:3_000])
    there = tokentrail("replay", "lake:", "--json").stdout
    settings.lake.path.rename(tmp_path / "elsewhere")
    assert tokentrail("replay", "lake:elsewhere", "--json").stdout == there


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lake:", "events.ndjson"], "is replayed alone"),
        (["lake:", "--follow"], "replayed to its end of now"),
        (["events.ndjson", "--as-seen"], "only the lake knows what was seen when"),
        (["lake:"], "no such file"),
    ],
)
def test_what_cannot_be_asked(tokentrail: Tokentrail, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "events.ndjson").write_bytes(b"")
    ran = tokentrail("replay", *arguments)
    assert ran.code != 0
    assert said in " ".join(ran.stderr.split())


def test_merging_and_retention_keep_what_counts(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, lake={"path": str(tmp_path / "lake"), "keep": "1h"})
    events = made(Disorder())
    keep(settings, events, size=50, every=1)
    database = connect(settings.store.url)
    listed = LakeList(database)
    segments = listed.segments()
    assert len(segments) < len(events) // 50 // 2
    kept = LakeFolder(settings.lake.path / str(listed.folder())).read(segments)
    assert kept["event_id"].to_pylist() == [event["event_id"] for event in events]
    later = [event | {"time": event["time"].replace("2026-03-02", "2026-03-05")} for event in events[:2_000]]
    keep(settings, [event | {"event_id": f"again-{event['event_id']}"} for event in later])
    days = {segment.name.partition("/")[0] for segment in listed.segments()}
    assert days == {"day=2026-03-05"}
    database.close()
