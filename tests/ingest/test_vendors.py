"""What holds for every vendor's adapter: its documented records, and whatever else comes in their place.

`fixtures/<format>.json` lists cases: `record`, or a `line` of text where the format has them, and either the `events`
it becomes (as fields) or the code it is `skipped` by.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.vendors import ADAPTERS, AUTO, LineAdapter, Skip
from schemas.events import TokenEvent

FIXTURES = Path(__file__).parent / "fixtures"
SECRETS = Secrets(b"0123456789abcdef")
CASES = {name: json.loads((FIXTURES / f"{name}.json").read_bytes()) for name in ADAPTERS}
ALL = [pytest.param(name, case, id=f"{name}: {case['case']}") for name, cases in CASES.items() for case in cases]


def decode(record_format: str, *records: Any) -> Any:
    """Decode objects as JSON, and strings as lines of text."""
    payloads = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return Decoder(SECRETS, record_format).decode(RawRecords.of([payload.encode() for payload in payloads]))


def record_of(name: str, case: dict[str, Any]) -> dict[str, Any]:
    if "record" in case:
        return dict(case["record"])
    adapter = ADAPTERS[name]
    assert isinstance(adapter, LineAdapter)
    record = adapter.read_line(case["line"].encode())
    assert record is not None
    return record


@pytest.mark.parametrize(("name", "case"), ALL)
def test_a_record_becomes(name: str, case: dict[str, Any]) -> None:
    record = record_of(name, case)
    before = copy.deepcopy(record)

    result = ADAPTERS[name].normalise(record, Counter())

    assert result == (Skip(case["skipped"]) if "skipped" in case else case["events"])
    assert record == before


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("auto", [False, True])
def test_every_record_is_events_or_counted(name: str, auto: bool) -> None:
    cases = CASES[name]

    decoded = decode(AUTO if auto else name, *(case.get("record", case.get("line")) for case in cases))

    assert decoded.dead == []
    assert not decoded.unknown_fields
    assert not [counted for counted in decoded.counters if counted.startswith("unknown-word:")]
    assert decoded.skipped == Counter(case["skipped"] for case in cases if "skipped" in case)
    assert len(decoded.events) == sum(len(case.get("events", ())) for case in cases)


@pytest.mark.parametrize(("name", "case"), ALL)
def test_a_record_is_recognised_by_its_own_adapter_alone(name: str, case: dict[str, Any]) -> None:
    assert [other for other, adapter in ADAPTERS.items() if adapter.recognises(record_of(name, case))] == [name]


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_code_states_fields_of_ours_in_our_words(name: str) -> None:
    for code in ADAPTERS[name].codes.values():
        assert code.means
        assert "|" not in code.means
        assert code.fields.keys() <= TokenEvent.model_fields.keys()
        if code.fields:
            written = TokenEvent.model_validate({"event_id": "e", "time": 1, **code.fields}).model_dump()
            assert {field: written[field] for field in code.fields} == dict(code.fields)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.just("x" * 70_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
) | st.integers(50, 600).map(lambda depth: json.loads("[" * depth + "]" * depth))


def paths(part: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to every part of a record."""
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [way for name, value in inner for way in ((*before, name), *paths(value, (*before, name)))]


@st.composite
def spoiled(draw: st.DrawFn, name: str) -> Any:
    """Give a documented record in which up to three parts are missing or something else."""
    record = copy.deepcopy(record_of(name, draw(st.sampled_from(CASES[name]))))
    for _ in range(draw(st.integers(1, 3))):
        ways = paths(record)
        if not ways:
            break
        *before, last = draw(st.sampled_from(ways))
        part = record
        for step in before:
            part = part[step]
        if draw(st.booleans()):
            part[last] = draw(anything)
        else:
            del part[last]
    return record


@pytest.mark.parametrize("name", ADAPTERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_shape_of_any_part_breaks_it(name: str, data: st.DataObject) -> None:
    record = data.draw(spoiled(name))

    ours, auto = decode(name, record), decode(AUTO, record)

    for decoded in (ours, auto):
        assert set(decoded.source_row.tolist()) | {letter.offset - 1 for letter in decoded.dead} <= {0}
        assert len(decoded.events) + len(decoded.dead) + decoded.skipped.total() >= 1
        assert all(re.fullmatch(r"[\w.:-]{1,160}", code, re.ASCII) for code in decoded.skipped)


@pytest.mark.parametrize("name", ADAPTERS)
def test_what_is_no_record_of_the_format_is_a_dead_letter_or_counted(name: str) -> None:
    decoded = decode(name, {}, {"type": ["s"]}, {"data": 1})

    assert len(decoded.events) == 0
    assert len(decoded.dead) + decoded.skipped.total() == 3
