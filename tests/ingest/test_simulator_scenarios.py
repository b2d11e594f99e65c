"""Each attack in each variant: it runs, it is labelled, and it has the shape that its name promises."""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest

from ingest.simulator import ATTACKS, IN_ORDER, SUITES, Disorder, Label, Planned, Simulation, Traffic
from ingest.simulator.clock import DAY, HOUR, MINUTE
from ingest.simulator.places import CITY, great_circle_km
from schemas.events import TokenEvent
from schemas.fields import parse_time
from schemas.vocabulary import Severity

START = parse_time("2026-09-21T10:10:00Z")
PAIRS = [(name, variant) for name, attack in ATTACKS.items() for variant in attack.variants]
QUIET = Traffic(rate=0.02, users=500, disorder=IN_ORDER)
Event = dict[str, Any]


def play(scenario: str, variant: str, intensity: float = 2.0, traffic: Traffic = QUIET) -> tuple[Label, list[Event]]:
    """Play one attack in quiet traffic: its label and its hostile events, in order of arrival."""
    simulation = Simulation(21, START, [Planned(scenario, variant, START, intensity)], traffic)
    events = simulation.advance(START + ATTACKS[scenario].variants[variant].span + MINUTE)
    (label,) = simulation.labels()
    hostile = set(label.event_ids)
    return label, [event for event in events if event["event_id"] in hostile]


@pytest.mark.parametrize(("scenario", "variant"), PAIRS)
def test_every_variant_is_labelled_and_fits_its_span(scenario: str, variant: str) -> None:
    label, hostile = play(scenario, variant)
    attack = ATTACKS[scenario]
    assert (label.scenario, label.variant, label.intensity) == (scenario, variant, 2.0)
    assert label.complete
    assert label.entities
    assert label.expected == list(attack.expected)
    assert {event["event_id"] for event in hostile} == set(label.event_ids)
    assert label.start == min(parse_time(event["time"]) for event in hostile)
    assert START <= label.start <= label.end <= START + attack.variants[variant].span
    for event in hostile:
        TokenEvent.model_validate(event)


@pytest.mark.parametrize("scenario", [name for name in SUITES["headline"] if ATTACKS[name].classes])
def test_failed_attempts_grow_with_the_dose(scenario: str) -> None:
    variant = next(iter(ATTACKS[scenario].variants))
    weak, strong = (len(play(scenario, variant, intensity)[1]) for intensity in (0.5, 4.0))
    assert strong > 4 * weak


@pytest.mark.parametrize("variant", ["fast", "boundary", "late", "own-country"])
def test_brute_force_is_many_tries_on_one_user_from_one_source(variant: str) -> None:
    label, hostile = play("brute-force", variant)
    named = {(entity.type.value, entity.id) for entity in label.entities}
    assert len(hostile) == 20
    assert len({event["ip"] for event in hostile}) == 1
    assert ("ip", hostile[0]["ip"]) in named
    assert ("user", next(event["sub"] for event in hostile if "sub" in event)) in named
    assert label.end - label.start <= 5 * MINUTE


def test_boundary_variants_straddle_a_full_hour() -> None:
    for scenario, attack in ATTACKS.items():
        if "boundary" in attack.variants and attack.expected != ("impossible-geography",):
            label, _ = play(scenario, "boundary")
            assert label.start // HOUR < label.end // HOUR, scenario


def test_distributed_brute_force_has_many_sources_in_several_countries() -> None:
    _, hostile = play("distributed-brute-force", "slow")
    assert len({event["ip"] for event in hostile}) >= 5
    assert len({event["country"] for event in hostile}) >= 2


def test_password_spray_and_stuffing_differ_in_tries_per_name() -> None:
    tries = {}
    for scenario in ("password-spray", "credential-stuffing"):
        _, hostile = play(scenario, "slow")
        names = Counter(event.get("sub", event["login"]) for event in hostile)
        tries[scenario] = len(hostile) / len(names)
        assert len({event["ip"] for event in hostile}) == 1
    assert tries["password-spray"] > 1.8
    assert tries["credential-stuffing"] < 1.8


def test_success_variants_end_with_tokens_for_the_attacker() -> None:
    for scenario, attack in ATTACKS.items():
        if "success" in attack.variants:
            label, hostile = play(scenario, "success")
            kinds = [event["type"] for event in hostile]
            assert kinds.index("issue") > kinds.count("verify-failure") - 1
            assert label.min_severity == Severity.HIGH


def test_late_variants_arrive_late_and_only_within_the_lateness() -> None:
    disorder = Disorder(late=0.0, lateness=30.0, doubled=0.0, lost_issues=0.0)
    traffic = Traffic(rate=0.02, users=500, disorder=disorder)
    _, hostile = play("token-probing", "late", traffic=traffic)
    times = [event["time"] for event in hostile]
    assert times != sorted(times)


def test_stolen_refresh_tokens_are_redeemed_twice_by_different_holders() -> None:
    for variant in ATTACKS["refresh-theft"].variants:
        holders = defaultdict(set)
        simulation = Simulation(8, START, [Planned("refresh-theft", variant, START)], QUIET)
        for event in simulation.advance(START + 2 * DAY):
            if event["type"] == "refresh":
                holders[event["parent_id"]].add(event["ip"])
        (label,) = simulation.labels()
        assert label.entities[0].type == "family"
        assert max(len(sources) for sources in holders.values()) == 2, variant


def test_a_strict_server_reports_the_replay_with_both_generations() -> None:
    label, hostile = play("refresh-replay", "revoked")
    assert len(hostile) == 4
    for event in hostile:
        assert event["reason"] == "reused"
        assert event["generation"] < event["latest_generation"]
        assert event["family_id"] == label.entities[0].id


@pytest.mark.parametrize("variant", ["residential", "same-country", "phished", "rented"])
def test_travel_is_farther_than_anybody_flies(variant: str) -> None:
    simulation = Simulation(4, START, [Planned("impossible-travel", variant, START)], QUIET)
    events = simulation.advance(START + 4 * DAY)
    (label,) = simulation.labels()
    victim = label.entities[0].id
    hostile = [event for event in events if event["event_id"] in set(label.event_ids)]
    before = [event for event in events if event.get("sub") == victim and parse_time(event["time"]) < label.start]
    here, there = CITY[before[-1]["city"]], CITY[hostile[0]["city"]]
    hours = (label.start - parse_time(before[-1]["time"])) / HOUR
    assert great_circle_km(here, there) > 900 * hours
    assert (here.country == there.country) == (variant == "same-country")


def test_the_speed_of_the_boundary_variant_is_the_dose() -> None:
    for intensity in (0.5, 1.0, 2.0):
        simulation = Simulation(4, START, [Planned("impossible-travel", "boundary", START, intensity)], QUIET)
        events = simulation.advance(START + 2 * DAY)
        (label,) = simulation.labels()
        first = next(event for event in events if event["event_id"] in set(label.event_ids))
        mine = [event for event in events if event.get("session_id") == first["session_id"]]
        before = [event for event in mine if parse_time(event["time"]) < label.start]
        km = great_circle_km(CITY[before[-1]["city"]], CITY[first["city"]])
        speed = km / ((label.start - parse_time(before[-1]["time"])) / HOUR)
        assert speed == pytest.approx(900 * intensity, rel=0.02)


@pytest.mark.parametrize("scenario", ["stolen-api-key", "stolen-client-secret", "stolen-access-token"])
def test_spikes_bring_their_dose_in_every_minute(scenario: str) -> None:
    label, hostile = play(scenario, "fast")
    uses = [event for event in hostile if event["type"] == "key-use"]
    minutes = (label.end - label.start) / MINUTE
    assert len(uses) / minutes > 60
    entity = label.entities[0]
    field = {"key": "key_id", "client": "client_id", "token": "token_id"}[entity.type.value]
    assert {event[field] for event in uses} == {entity.id}


@pytest.mark.parametrize(
    ("scenario", "field", "number"),
    [
        ("stolen-api-key", "key_id", 3),
        ("stolen-client-secret", "token_id", 10),
        ("stolen-access-token", "ip", 20),
    ],
)
def test_distributed_spikes_are_spread_over_keys_tokens_or_addresses(scenario: str, field: str, number: int) -> None:
    _, hostile = play(scenario, "distributed", traffic=replace(QUIET, users=2_000))
    calls = Counter(event[field] for event in hostile if event["type"] == "key-use")
    assert len(calls) == number
    assert min(calls.values()) > 0.02 * calls.total()


@pytest.mark.parametrize("scenario", ["stolen-api-key", "stolen-client-secret"])
def test_slow_spikes_stay_below_the_limit_of_a_minute(scenario: str) -> None:
    _, hostile = play(scenario, "slow")
    minutes = Counter(parse_time(event["time"]) // MINUTE for event in hostile)
    assert max(minutes.values()) < 50 < len(hostile)


def test_victims_are_different_people() -> None:
    plan = [Planned("impossible-travel", "residential", START + number * MINUTE) for number in range(40)]
    simulation = Simulation(1, START, plan, QUIET)
    simulation.advance(START + 4 * HOUR)
    victims = [label.entities[0].id for label in simulation.labels()]
    assert len(set(victims)) == len(victims) == 40


def test_too_few_users_for_the_attacks_is_an_error_that_says_so() -> None:
    plan = [Planned("password-spray", "fast", START + MINUTE)]
    simulation = Simulation(1, START, plan, Traffic(rate=0.2, users=5, disorder=IN_ORDER))
    with pytest.raises(ValueError, match="give more users"):
        simulation.advance(START + HOUR)


def test_attackers_share_no_fingerprint_so_that_cases_are_independent() -> None:
    plan = [Planned("brute-force", "fast", START + number * MINUTE) for number in range(30)]
    simulation = Simulation(1, START, plan, QUIET)
    events = {event["event_id"]: event for event in simulation.advance(START + HOUR)}
    prints = [{events[event_id]["ja4"] for event_id in label.event_ids} for label in simulation.labels()]
    assert len(set.union(*prints)) == sum(len(own) for own in prints) == 30
