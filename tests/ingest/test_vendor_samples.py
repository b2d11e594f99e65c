"""Each vendor's documented shapes become the events that stand beside them, and no shape of any part breaks a thing.

A fixture is a list of cases: a `record`, or a `line` of text, and the `events` it gives or the code it is `skipped` by.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import Decoded, Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.vendors import ADAPTERS, Skip

FIXTURES = Path(__file__).parent / "fixtures"
CASES = {path.stem: json.loads(path.read_bytes()) for path in sorted(FIXTURES.glob("*.json"))}
EVERY = [pytest.param(name, case, id=f"{name}: {case['case']}") for name, cases in CASES.items() for case in cases]
SECRETS = Secrets(b"0123456789abcdef")


def payload(case: dict[str, Any]) -> bytes:
    return case["line"].encode() if "line" in case else orjson.dumps(case["record"])


def decode(payloads: list[bytes], record_format: str) -> Decoded:
    return Decoder(SECRETS, record_format).decode(RawRecords.of(payloads))


def test_every_vendor_has_samples() -> None:
    assert CASES.keys() == ADAPTERS.keys()


@pytest.mark.parametrize(("vendor", "case"), EVERY)
def test_a_record_becomes(vendor: str, case: dict[str, Any]) -> None:
    adapter = ADAPTERS[vendor]
    record = adapter.read_line(case["line"].encode()) if "line" in case else case["record"]
    assert record is not None
    assert [name for name, other in ADAPTERS.items() if other.recognises(record)] == [vendor]

    result = adapter.normalise(record, Counter())

    assert result == (Skip(case["skipped"]) if "skipped" in case else case["events"])


@pytest.mark.parametrize("vendor", CASES)
def test_all_are_events_or_counted_and_auto_finds_the_same(vendor: str) -> None:
    payloads = [payload(case) for case in CASES[vendor]]

    told, found = decode(payloads, vendor), decode(payloads, "auto")

    assert told.dead == []
    assert not told.unknown_fields
    assert not [name for name in told.counters if name.startswith("unknown-word")]
    assert len(told.events) == sum(len(case.get("events", ())) for case in CASES[vendor])
    assert told.skipped.total() == sum("skipped" in case for case in CASES[vendor])
    assert found.events["event_key"].tolist() == told.events["event_key"].tolist()
    assert found.skipped == told.skipped


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**40) | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def paths(part: object) -> list[tuple[str, ...]]:
    """Give the way to every member of an object, at any depth."""
    if not isinstance(part, dict):
        return []
    return [(name, *rest) for name, inner in part.items() for rest in [(), *paths(inner)]]


@st.composite
def spoiled(draw: st.DrawFn, vendor: str) -> dict[str, Any]:
    """Draw a record of which up to three parts are missing or something else."""
    record = draw(st.sampled_from([case["record"] for case in CASES[vendor] if "record" in case]))
    record = json.loads(json.dumps(record))
    for *way, last in draw(st.lists(st.sampled_from(paths(record)), min_size=1, max_size=3)):
        part = record
        for name in way:
            part = part.get(name) if isinstance(part, dict) else None
        if isinstance(part, dict):
            part.pop(last, None)
            if draw(st.booleans()):
                part[last] = draw(anything)
    return record


@pytest.mark.parametrize("vendor", CASES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_shape_of_any_part_breaks_it(vendor: str, data: st.DataObject) -> None:
    record = data.draw(spoiled(vendor))

    decoded = decode([orjson.dumps(record)], vendor)

    assert len(set(decoded.source_row.tolist()) | {letter.offset - 1 for letter in decoded.dead}) == 1 - bool(
        decoded.skipped
    )
