"""What sources fill in is counted once, whatever the batches, and by source."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engines.coverage import HOUR, NAME_LENGTH, OTHER, SOURCES_AN_HOUR, UNNAMED, Coverage
from schemas.coverage import Filled
from schemas.fields import parse_time
from schemas.frame import Events
from tests.detectors.streams import mixed_stream
from tests.frames import frame

NOON = parse_time("2026-03-02T12:00:00Z")
COLUMNS = ("sub", "lat", "alg", "parent_id")


def use(at: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "key-use", "time": (NOON + at) // 1_000, **fields}


def totals(*batches: Events) -> list[Filled]:
    coverage = Coverage(COLUMNS, HOUR)
    for batch in batches:
        coverage.count(batch)
    return coverage.changes(NOON)


def test_fields_are_counted_by_hour_source_and_type() -> None:
    events = [
        use(source="gateway", iss="https://id.acme", sub="u1", alg="none", lat=1.0, lon=2.0),
        use(1, source="gateway", iss="https://id.acme", alg="ES256"),
        use(2, iss="https://id.acme", sub="u1"),
        use(3),
        use(HOUR, source="gateway"),
        {**use(4, source="gateway"), "type": "refresh", "parent_id": "r1"},
    ]
    assert totals(frame(events)) == [
        Filled(NOON, UNNAMED, "key-use", 1, {}),
        Filled(NOON, "gateway", "key-use", 2, {"alg": 2, "lat": 1, "sub": 1}),
        Filled(NOON, "gateway", "refresh", 1, {"parent_id": 1}),
        Filled(NOON, "https://id.acme", "key-use", 1, {"sub": 1}),
        Filled(NOON + HOUR, "gateway", "key-use", 1, {}),
    ]


def test_a_word_that_is_asked_for_is_counted() -> None:
    coverage = Coverage(["operation=sign"], HOUR)
    coverage.count(frame([use(source="kms", operation="sign"), use(1, source="kms", operation="verify"), use(2)]))
    found = {total.source: (total.events, total.filled) for total in coverage.changes(NOON)}
    assert found == {"kms": (2, {"operation=sign": 1}), UNNAMED: (1, {})}


def test_cuts_change_nothing() -> None:
    events = mixed_stream()
    cuts = np.random.default_rng(1).integers(0, len(events), 30)
    pieces = [events.take(piece) for piece in np.split(np.arange(len(events)), np.sort(cuts))]
    assert totals(*pieces) == totals(events)


def test_invented_sources_are_counted_together_and_their_names_cut() -> None:
    events = [use(number, source=f"{number}" * 300) for number in range(100, 100 + SOURCES_AN_HOUR + 5)]
    found = totals(frame(events[:50]), frame(events[50:]), frame(events))
    assert sum(total.events for total in found) == 2 * len(events)
    assert len(found) == SOURCES_AN_HOUR + 1
    assert {total.source: total.events for total in found}[OTHER] == 10
    assert max(len(total.source) for total in found) == NAME_LENGTH


def test_changes_are_given_once_and_closed_hours_forgotten() -> None:
    coverage = Coverage(COLUMNS, HOUR)
    coverage.count(frame([use(source="a"), use(4 * HOUR, source="b")]))
    assert [total.source for total in coverage.changes(NOON + 4 * HOUR)] == ["a", "b"]
    assert coverage.changes(NOON + 4 * HOUR) == []
    coverage.count(frame([use(4 * HOUR, source="b")]))
    assert [(total.source, total.events) for total in coverage.changes(NOON + 4 * HOUR)] == [("b", 2)]
    assert b'"a"' not in coverage.dump()


@pytest.mark.parametrize(("columns", "events"), [(COLUMNS, 2), ((*COLUMNS, "asn"), 1)])
def test_totals_go_on_after_a_restart_unless_other_columns_are_asked_for(columns: tuple[str, ...], events: int) -> None:
    before, after = Coverage(COLUMNS, HOUR), Coverage(columns, HOUR)
    before.count(frame([use(source="a", sub="u")]))
    before.changes(NOON)
    after.load(before.dump())
    after.count(frame([use(source="a", sub="u")]))
    assert after.changes(NOON) == [Filled(NOON, "a", "key-use", events, {"sub": events})]
