"""Armed or blind, by what sources fill in."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from detectors.readiness import Readiness, sights
from schemas.coverage import Filled
from schemas.vocabulary import EventType
from tests.detectors import toys

DAY = 86_400_000_000
NOW = 100 * DAY


class Careful(toys.Honest):
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.REFRESH, EventType.VERIFY_FAILURE})
    needs: ClassVar[tuple[str, ...]] = ("parent_id", "client_id")
    warm_up: ClassVar[timedelta] = timedelta(days=7)


@pytest.mark.parametrize(
    ("totals", "age", "readiness", "why"),
    [
        ([("key-use", 9, {"parent_id": 9})], 30, Readiness.UNUSED, "no events of type refresh, verify-failure"),
        ([("refresh", 9, {"client_id": 9})], 30, Readiness.BLIND, "never there: parent_id"),
        ([("refresh", 9, {})], 30, Readiness.BLIND, "never there: parent_id, client_id"),
        ([("refresh", 9, {"client_id": 9, "parent_id": 3})], 30, Readiness.PARTLY, "seldom there: parent_id in 33%"),
        ([("refresh", 9, {"client_id": 9, "parent_id": 9})], 2, Readiness.WARMING, "knows the source for 2 of 7 days"),
        ([("refresh", 9, {"client_id": 9, "parent_id": 9})], 7, Readiness.ARMED, ""),
        # Failures have no parent: what counts is the type that has the field.
        (
            [("refresh", 9, {"client_id": 9, "parent_id": 9}), ("verify-failure", 99, {"client_id": 99})],
            30,
            Readiness.ARMED,
            "",
        ),
        ([("refresh", 1, {"client_id": 1}), ("refresh", 1, {"client_id": 1, "parent_id": 1})], 30, Readiness.ARMED, ""),
    ],
)
def test_a_detector_is_as_ready_as_the_source_lets_it(
    totals: list[tuple[str, int, dict[str, int]]], age: int, readiness: Readiness, why: str
) -> None:
    filled = [Filled(NOW, "idp", kind, events, counts) for kind, events, counts in totals]
    (sight,) = sights([Careful], filled, {"idp": NOW - age * DAY}, NOW)
    assert (sight.source, sight.readiness, sight.why) == ("idp", readiness, why)


def test_sources_are_judged_apart() -> None:
    filled = [Filled(NOW, "a", "refresh", 5, {"parent_id": 5, "client_id": 5}), Filled(NOW, "b", "refresh", 7, {})]
    found = {sight.source: (sight.readiness, sight.events) for sight in sights([Careful], filled, {"a": 0}, NOW)}
    assert found == {"a": (Readiness.ARMED, 5), "b": (Readiness.BLIND, 7)}


def test_a_word_that_a_source_never_says_leaves_a_detector_blind_and_a_rare_one_does_not() -> None:
    needs: tuple[str, ...] = ("operation=sign",)
    kind = type("Signed", (Careful,), {"__annotations__": {}, "needs": needs, "warm_up": timedelta(0)})
    filled = [Filled(NOW, "idp", "refresh", 50, {}), Filled(NOW, "kms", "refresh", 50, {"operation=sign": 1})]
    found = {sight.source: (sight.readiness, sight.why) for sight in sights([kind], filled, {}, NOW)}
    assert found == {"idp": (Readiness.BLIND, "never there: operation=sign"), "kms": (Readiness.ARMED, "")}
