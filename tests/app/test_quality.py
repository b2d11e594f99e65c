"""What `make quality` measures with: settings that are valid, and faults that change what they say and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.settings import from_mapping
from benchmarks import faults
from benchmarks.quality import FAULTY, FURTHER, GRANTS, HEADLINE, KNOWN
from detectors.registry import DETECTORS
from ingest.simulator import ATTACKS, SUITES, Traffic, simulate

Event = dict[str, Any]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(simulate(9, 1_790_000_000_000_000, events=5_000, scenarios=[], traffic=Traffic(rate=5, users=300)))


def spoilt(events: list[Event], fault: str, folder: Path) -> list[Event]:
    path = folder / "events.ndjson"
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    faults.damage(path, fault)
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_a_whole_log_stays_as_it_is(events: list[Event], tmp_path: Path) -> None:
    assert spoilt(events, faults.NONE, tmp_path) == events
    assert spoilt(events, faults.LATE, tmp_path) == events


@pytest.mark.parametrize("fault", [fault for fault in faults.FAULTS if fault.startswith("no ")])
def test_a_field_that_a_log_lacks_is_nowhere(events: list[Event], fault: str, tmp_path: Path) -> None:
    found = spoilt(events, fault, tmp_path)
    gone = {name for event in events for name in event} - {name for event in found for name in event}
    assert gone
    assert found == [{name: value for name, value in event.items() if name not in gone} for event in events]


def test_one_event_in_a_hundred_is_lost_or_doubled(events: list[Event], tmp_path: Path) -> None:
    lost, doubled = (spoilt(events, fault, tmp_path) for fault in ("1 % lost", "1 % doubled"))
    assert 0.005 < (len(events) - len(lost)) / len(events) < 0.02
    assert len(doubled) - len(events) == len(events) - len(lost)
    assert spoilt(events, "1 % lost", tmp_path) == lost


def test_a_late_log_is_late_and_others_are_not() -> None:
    assert faults.disordered(FAULTY.traffic, faults.LATE).disorder.lateness == faults.LATENESS
    assert faults.disordered(FAULTY.traffic, "1 % lost") == FAULTY.traffic


def test_exceptions_are_valid_settings_of_the_detectors_that_are_judged() -> None:
    settings = from_mapping(KNOWN, "known")
    named = {str(table["type"]) for table in KNOWN["detectors"]}
    assert settings.running().keys() == DETECTORS.keys()
    assert named <= {name for attack in ATTACKS.values() for name in attack.expected}


def test_every_attack_is_played_and_no_seed_twice() -> None:
    assert {*HEADLINE.suites, *FURTHER.suites, *GRANTS.suites} == set(SUITES)
    seeds = [seed for mix in (HEADLINE, FURTHER, GRANTS, FAULTY) for seed in mix.seeds]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) > 400, "seeds below were used for tuning or for earlier figures"
