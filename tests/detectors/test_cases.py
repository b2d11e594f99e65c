"""Each detector fires where its cases say so and stays quiet where they say so, in one batch and event by event."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from detectors.base import Detector
from detectors.registry import DETECTORS
from tests.detectors.casefile import CASES, Case, play, read_cases, span
from tests.detectors.toys import Honest

PLAYED = [
    pytest.param(kind, case, id=f"{kind.type}: {case.name}")
    for kind in DETECTORS.values()
    if (CASES / f"{kind.type}.yaml").exists()  # a missing file fails its own test, not all
    for case in read_cases(kind.type)
]


@pytest.mark.parametrize(("kind", "case"), PLAYED)
def test_a_case_ends_as_it_says(kind: type[Detector], case: Case) -> None:
    assert play(kind, case) == []
    assert play(kind, case, one_by_one=True) == []


def test_every_case_file_belongs_to_a_detector() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == set(DETECTORS)


@pytest.mark.parametrize("kind", DETECTORS.values(), ids=list(DETECTORS))
def test_a_detector_has_cases_that_fire_and_cases_that_stay_quiet(kind: type[Detector]) -> None:
    cases = read_cases(kind.type)
    assert any(case.expect for case in cases)
    assert any(not case.expect for case in cases)
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize("kind", DETECTORS.values(), ids=list(DETECTORS))
def test_every_class_of_a_detector_is_shown_by_a_case(kind: type[Detector]) -> None:
    shown = {expectation.alert_class for case in read_cases(kind.type) for expectation in case.expect}
    assert {alert_class.name for alert_class in kind.classes} == shown


@pytest.mark.parametrize(
    ("text", "micros"), [("0s", 0), ("90s", 90_000_000), ("-1h30m", -5_400_000_000), ("+250ms", 250_000), (0, 0)]
)
def test_spans_are_read(text: str | int, micros: int) -> None:
    assert span(text) == micros


@pytest.mark.parametrize("text", ["", "90", "1x", "s"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no span"):
        span(text)


def test_a_misspelt_field_of_a_case_is_refused() -> None:
    with pytest.raises(ValidationError, match="subb"):
        Case.model_validate({"name": "x", "why": "x", "defaults": {"subb": "ann"}, "events": [], "expect": []})


TEN_OF_ANN = {
    "name": "x",
    "why": "x",
    "defaults": {"type": "issue", "sub": "ann"},
    "events": [{"at": "0s", "repeat": 10, "every": "1m"}],
}


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ([{"class": "fifth", "severity": "low", "count": 2, "first_at": "4m"}], []),
        ([{"class": "fifth", "severity": "low", "entity": {"type": "user", "id": "ann"}}], []),
        ([], ["unexpected fifth: 2 findings, first [('low', '240s'), ('low', '540s')]"]),
        ([{"class": "fifth", "severity": "high"}], ["fifth: severity is low, expected high"]),
        ([{"class": "fifth", "severity": "low", "count": "<=1"}], ["expected <=1"]),
        ([{"class": "fifth", "severity": "low", "first_at": "5m"}], ["first_at is 240000000, expected 300000000"]),
        ([{"class": "fifth", "severity": "low", "entity": {"type": "user", "id": "bob"}}], ["no fifth"]),
        ([{"class": "sixth", "severity": "low"}], ["honest has no class sixth", "unexpected fifth"]),
    ],
)
def test_the_runner_says_what_differs(expect: list[dict[str, object]], said: list[str]) -> None:
    found = play(Honest, Case.model_validate({**TEN_OF_ANN, "expect": expect}))
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_a_late_event_stands_where_it_arrived() -> None:
    events = [{"at": "0s", "late": "2m", "type": "issue"}, {"at": "1m", "type": "issue"}]
    stream = Case.model_validate({"name": "x", "why": "x", "events": events, "expect": []}).stream()
    assert stream["late"].tolist() == [False, True]
