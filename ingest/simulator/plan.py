"""Which attacks happen when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.simulator.draws import Draws
from ingest.simulator.scenarios import ATTACKS, DEFAULT_SUITE, SUITES

LEAD_IN: Final = 0.25  # share of the stream before the first attack: detectors learn first
DEFAULT_INTENSITY: Final = 2.0


def check(scenario: str, variant: str | None) -> None:
    """Refuse an unknown scenario or variant.

    Raises:
        ValueError: the message lists what there is.
    """
    attack = ATTACKS.get(scenario)
    if attack is None:
        known = ", ".join((*sorted(ATTACKS), *SUITES))
        raise ValueError(f"unknown scenario {scenario!r}; known: {known}")
    if variant is not None and variant not in attack.variants:
        raise ValueError(f"{scenario} has no variant {variant!r}; it has: {', '.join(attack.variants)}")


@dataclass(frozen=True, slots=True)
class Planned:
    """One attack at a time (µs since the epoch), `intensity` in thresholds of the design."""

    scenario: str
    variant: str
    start: int
    intensity: float = DEFAULT_INTENSITY

    def __post_init__(self) -> None:
        check(self.scenario, self.variant)
        if not self.intensity > 0:
            raise ValueError(f"intensity must be above 0, not {self.intensity}")


def known(names: Sequence[str]) -> list[tuple[str, str]]:
    """Turn a suite, `scenario` (all its variants) and `scenario/variant` into pairs.

    Raises:
        ValueError: a name is unknown.
    """
    pairs = []
    for wanted in (each for name in names for each in SUITES.get(name, (name,))):
        scenario, _, variant = wanted.partition("/")
        check(scenario, variant or None)
        variants = [variant] if variant else list(ATTACKS[scenario].variants)
        pairs += [(scenario, each) for each in variants]
    return pairs


def spread(
    names: Sequence[str] | None,
    start: int,
    end: int,
    draws: Draws,
    intensity: float = DEFAULT_INTENSITY,
    rounds: int = 1,
) -> list[Planned]:
    """Spread attacks (by default the headline suite) over a stream.

    Each pair is planned `rounds` times, where it fits between lead-in and end.

    Variants that take longer than the stream has left are left out.
    """
    first = start + int(LEAD_IN * (end - start))
    plan = []
    for scenario, variant in known([DEFAULT_SUITE] if names is None else names) * rounds:
        latest = end - ATTACKS[scenario].variants[variant].span
        if latest > first:
            plan.append(Planned(scenario, variant, int(draws.between(first, latest)), intensity))
    return sorted(plan, key=lambda planned: planned.start)
