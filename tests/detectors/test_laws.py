"""Every detector, with every option varied, keeps every law; and every law catches the detector that breaks it."""

from __future__ import annotations

import pytest

from detectors.base import Detector
from detectors.registry import DETECTORS
from tests.detectors import toys
from tests.detectors.laws import (
    LAWS,
    Law,
    end_of,
    law_bounded,
    law_cuts,
    law_fires,
    law_hostile,
    law_inputs,
    law_keys,
    law_late,
    law_placeholders,
    law_restore,
    run,
    variants,
    varied,
)
from tests.detectors.streams import mixed_stream

VARIANTS = [pytest.param(it, id=name) for kind in DETECTORS.values() for name, it in variants(kind)]


@pytest.mark.parametrize("kind", DETECTORS.values(), ids=list(DETECTORS))
def test_the_stream_makes_every_detector_speak(kind: type[Detector]) -> None:
    """With its defaults, or with an option that asks for less, whose laws are then no empty ones."""
    events = mixed_stream()
    speaking = (it for _, it in variants(kind) if len(run(it, [(events, end_of(events))])))
    law_fires(next(speaking, kind()), events)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("detector", VARIANTS)
def test_detectors_keep_the_laws(detector: Detector, law: Law) -> None:
    law(detector, mixed_stream())


@pytest.mark.parametrize("law", [law_fires, *LAWS], ids=lambda law: law.__name__)
def test_an_honest_detector_keeps_every_law(law: Law) -> None:
    law(toys.Honest(), mixed_stream())


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (law_fires, toys.Mute),
        (law_cuts, toys.CountsWithinTheBatch),
        (law_keys, toys.CountsEverybodyTogether),
        (law_restore, toys.HidesItsChanges),
        (law_inputs, toys.WritesToItsInput),
        (law_inputs, toys.SaysNothingOfNoType),
        (law_bounded, toys.ForgetsNobody),
        (law_placeholders, toys.GroupsStrangers),
        (law_placeholders, toys.KeepsNobody),
        (law_late, toys.SpeaksOfThePast),
        (law_late, toys.RaisesOnLateRows),
        (law_hostile, toys.EvictsOthers),
    ],
)
def test_a_law_catches_whoever_breaks_it(law: Law, broken: type[toys.Honest]) -> None:
    stream = mixed_stream()
    copied = stream.with_columns(**{name: column.copy() for name, column in stream.columns.items()})
    with pytest.raises(AssertionError):
        law(broken(), copied)


def test_variants_try_both_bounds_of_an_option() -> None:
    assert [name for name, _ in variants(toys.Honest)] == ["honest", "honest[every=2]", "honest[every=9]"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(kind, name, id=f"{kind.type}.{name}") for kind in DETECTORS.values() for name in kind.model_fields],
)
def test_every_option_has_bounds_or_examples_to_vary_it_by(kind: type[Detector], name: str) -> None:
    assert varied(kind, name)
    assert kind.model_fields[name].description


def test_an_option_without_bounds_cannot_be_varied() -> None:
    class Loose(toys.Honest):
        word: str = "x"

    assert not varied(Loose, "word")
