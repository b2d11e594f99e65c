"""The benign stream: the same for the same seed, valid, in order, and consistent as a token life cycle."""

from collections import Counter, defaultdict
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from ingest.simulator import IN_ORDER, Disorder, Label, Planned, Simulation, Traffic, simulate, spread, write
from ingest.simulator.clock import DAY, HOUR, MINUTE, SECOND, Clock
from ingest.simulator.draws import Draws, Traits, zipf_cumulative
from ingest.simulator.places import CITY, PLACES, flight_hours, great_circle_km
from ingest.simulator.population import User
from ingest.simulator.world import World
from schemas.events import TokenEvent
from schemas.fields import format_time, parse_time

START = parse_time("2026-09-21T06:00:00Z")  # a Monday
EVENTS = 60_000
Event = dict[str, Any]


def lines(**parameters: Any) -> list[bytes]:
    return [orjson.dumps(event) for event in simulate(5, START, **parameters)]


@pytest.fixture(scope="module")
def benign() -> list[Event]:
    traffic = Traffic(rate=4, users=600, disorder=IN_ORDER, signatures=True)
    return list(simulate(11, START, events=EVENTS, scenarios=[], traffic=traffic))


def test_same_seed_start_and_parameters_give_the_same_bytes() -> None:
    assert lines(events=4_000) == lines(events=4_000)


def test_another_seed_gives_other_events() -> None:
    assert lines(events=500) != [orjson.dumps(event) for event in simulate(6, START, events=500)]


def test_benign_events_do_not_depend_on_the_attacks() -> None:
    traffic = Traffic(disorder=IN_ORDER)
    plan = [Planned("brute-force", "fast", START + MINUTE), Planned("refresh-theft", "thief-first", START + MINUTE)]
    attacked = Simulation(3, START, plan, traffic).advance(START + 20 * MINUTE)
    alone = Simulation(3, START, (), traffic).advance(START + 20 * MINUTE)
    ids = {event["event_id"] for event in alone}
    assert [event for event in attacked if event["event_id"] in ids] == alone
    assert len(attacked) > len(alone)


def test_advancing_in_steps_gives_what_one_step_gives() -> None:
    steps = Simulation(3, START)
    whole = Simulation(3, START)
    pieces = [event for step in range(1, 11) for event in steps.advance(START + step * 30 * SECOND)]
    assert pieces == whole.advance(START + 300 * SECOND)


def test_every_event_is_a_valid_token_event_without_unknown_fields(benign: list[Event]) -> None:
    for event in benign[::20]:
        TokenEvent.model_validate(event)
    assert not {field for event in benign for field in event} - set(TokenEvent.model_fields)


def test_events_in_order_have_rising_times_and_unique_ids(benign: list[Event]) -> None:
    assert all(first["time"] <= second["time"] for first, second in pairwise(benign))
    assert len({event["event_id"] for event in benign}) == len(benign) == EVENTS


def test_late_events_stay_within_the_lateness() -> None:
    traffic = Traffic(disorder=Disorder(late=0.3, lateness=4.0, doubled=0.01, lost_issues=0.0))
    newest = 0
    behind = []
    seen: Counter[str] = Counter()
    for event in simulate(2, START, events=10_000, scenarios=[], traffic=traffic):
        time = parse_time(event["time"])
        newest = max(newest, time)
        behind.append(newest - time)
        seen[event["event_id"]] += 1
    assert 0 < max(behind) <= 4 * SECOND
    assert sum(delay > 0 for delay in behind) > 1_000
    assert set(seen.values()) == {1, 2}


def test_lost_issues_are_issues_only() -> None:
    lossy, whole = (
        Counter(
            event["type"]
            for event in Simulation(2, START, (), Traffic(disorder=Disorder(0, 0, 0, lost))).advance(
                START + 10 * MINUTE
            )
        )
        for lost in (0.5, 0.0)
    )
    assert lossy["issue"] < 0.7 * whole["issue"]
    assert {kind: lossy[kind] for kind in lossy if kind != "issue"} == {
        kind: whole[kind] for kind in whole if kind != "issue"
    }


def test_most_traffic_is_key_use_and_every_event_type_occurs(benign: list[Event]) -> None:
    kinds = Counter(event["type"] for event in benign)
    assert kinds.keys() == {"issue", "refresh", "verify-failure", "key-use", "revoke"}
    assert kinds["key-use"] > 0.7 * EVENTS


def test_tokens_are_issued_before_they_are_used(benign: list[Event]) -> None:
    issued: set[str] = set()
    for event in benign:
        if event["type"] == "issue":
            issued.add(event["token_id"])
        elif event["type"] == "key-use" and event["operation"] == "verify":
            assert event["token_id"] in issued


def test_each_refresh_spends_a_known_token_and_mints_one_access_token_in_its_transaction(benign: list[Event]) -> None:
    known: set[str] = set()
    minted = defaultdict(list)
    refreshes = []
    for event in benign:
        if event["type"] == "issue" and event["token_type"] == "refresh":
            known.add(event["token_id"])
        elif event["type"] == "issue":
            minted[event.get("txn_id")].append(event)
        elif event["type"] == "refresh":
            assert event["parent_id"] in known
            known.add(str(event.get("token_id") or event["parent_id"]))
            refreshes.append(event)
    assert len(refreshes) > 500
    for refresh in refreshes[:-1]:
        (access,) = minted[refresh["txn_id"]]
        assert access["family_id"] == refresh["family_id"]
        assert access["token_type"] == "access"


def test_benign_oddities_are_there(benign: list[Event]) -> None:
    parents = Counter(event["parent_id"] for event in benign if event["type"] == "refresh" and event.get("token_id"))
    assert any(count > 1 for count in parents.values()), "tab races"
    assert any(event.get("rotated") is False for event in benign), "servers that do not rotate"
    assert any(event.get("token_format") == "opaque" and event["type"] == "issue" for event in benign)
    assert any(event.get("grant_type") == "token-exchange" for event in benign)
    assert any("vpn" in event.get("network", ()) for event in benign)
    assert any("mobile" in event.get("network", ()) for event in benign)
    assert any(event.get("ip_role") == "server" and event.get("sub_type") == "user" for event in benign)
    assert any(":" in event.get("ip", "") for event in benign)
    assert len({event["iss"] for event in benign}) == 2
    reasons = {event["reason"] for event in benign if event["type"] == "verify-failure"}
    assert reasons >= {"bad-credentials", "expired", "mfa-failed", "authorization-pending", "interaction-required"}


def test_signatures_are_one_for_each_signed_token(benign: list[Event]) -> None:
    signed = [event["token_id"] for event in benign if event.get("operation") == "sign"]
    assert set(signed) >= {event["token_id"] for event in benign if event["type"] == "issue" and "key_id" in event}
    assert len(signed) == len(set(signed))


def test_carrier_addresses_are_shared_by_many(benign: list[Event]) -> None:
    subjects = defaultdict(set)
    for event in benign:
        if "mobile" in event.get("network", ()):
            subjects[event["ip"]].add(event.get("sub"))
    assert max(len(subs) for subs in subjects.values()) >= 10


def test_an_address_always_has_one_network_and_one_place(benign: list[Event]) -> None:
    seen = defaultdict(set)
    for event in benign:
        if "asn" in event:
            seen[event["ip"]].add((event["asn"], event["country"], event["lat"], event["lon"]))
    assert all(len(places) == 1 for places in seen.values())


def test_people_sleep_and_machines_do_not() -> None:
    def users(start: int) -> Counter[str]:
        stream = simulate(4, start, duration=HOUR, scenarios=[], traffic=Traffic(disorder=IN_ORDER))
        return Counter(event.get("sub_type", "") for event in stream)

    afternoon, night = users(START + 8 * HOUR), users(START - 4 * HOUR + DAY)
    assert afternoon["user"] > 1.5 * night["user"]
    assert 0.5 < afternoon["service"] / night["service"] < 2


def test_travellers_fly_at_plausible_speed() -> None:
    world = World(1, 3_000, 1.0)
    travellers = [user for index in range(800) if (user := world.population.user(index)).traveller]
    trips = sum(_check_week(world, user) for user in travellers)
    assert trips > 10


def _check_week(world: World, user: User) -> bool:
    """Follow a user by the quarter of an hour; True if there was a trip."""
    last_place, last_time, moved = user.home, 0, False
    for time in range(START - 6 * HOUR, START + 6 * DAY, 15 * MINUTE):
        stay = world.whereabouts.at(user, time)
        if stay is None:
            continue
        if stay.place is not last_place:
            moved = True
            assert time - last_time >= (flight_hours(last_place, stay.place) - 0.5) * HOUR
        last_place, last_time = stay.place, time
    return moved


def test_distances_and_places() -> None:
    assert great_circle_km(CITY["Berlin"], CITY["New York"]) == pytest.approx(6385, abs=15)
    assert great_circle_km(CITY["Sydney"], CITY["Sydney"]) == 0
    assert len(PLACES) == len(CITY) >= 60


def test_ranks_follow_their_exponent() -> None:
    cumulative = zipf_cumulative(1_000, 1.1)
    assert cumulative[-1] == pytest.approx(1)
    next_rank = Draws(1, "ranks").ranks(cumulative)
    counts = Counter(islice(iter(next_rank, None), 200_000))
    assert counts[0] / counts[9] == pytest.approx(10**1.1, rel=0.1)


def test_traits_belong_to_their_identity() -> None:
    assert Traits(1, "user", 5).unit() == Traits(1, "user", 5).unit()
    assert len({Traits(1, "user", index).hex_id() for index in range(1_000)}) == 1_000
    mean = sum(Traits(1, "user", index).unit() for index in range(4_000)) / 4_000
    assert mean == pytest.approx(0.5, abs=0.02)


def test_clock_writes_what_the_schema_reads() -> None:
    clock = Clock()
    for micros in (START, START + 1, START + 999_999, START + 1_000_000, START - DAY):
        assert parse_time(clock.text(micros)) == micros


def test_write_gives_one_json_object_a_line_and_labels_that_read_back(tmp_path: Path) -> None:
    out, labels = tmp_path / "events.ndjson", tmp_path / "labels.ndjson"
    stream = simulate(9, START, events=20_000, scenarios=["brute-force/fast"], traffic=Traffic(rate=5))
    assert write(stream, out, labels) == 20_000
    written = out.read_bytes().splitlines()
    assert len(written) == 20_000
    ids = {orjson.loads(line)["event_id"] for line in written}
    (label,) = [Label.model_validate_json(line) for line in labels.read_text().splitlines()]
    assert label == stream.labels()[0]
    assert label.complete
    assert ids >= set(label.event_ids)
    assert orjson.loads(labels.read_text())["start"] == format_time(label.start)


def test_a_stream_that_ends_early_says_that_an_attack_is_incomplete() -> None:
    simulation = Simulation(1, START, [Planned("brute-force", "slow", START)], Traffic(rate=0.1))
    simulation.advance(START + 10 * MINUTE)
    (label,) = simulation.labels()
    assert not label.complete
    assert label.end <= START + 10 * MINUTE
    simulation.advance(START + 2 * HOUR)
    assert simulation.labels()[0].complete


def test_attacks_that_do_not_fit_are_not_planned() -> None:
    names = {planned.scenario for planned in spread(None, START, START + 2 * HOUR, Draws(1, "plan"))}
    assert "brute-force" in names
    assert "slow-spray" not in names


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simulate(1, START), "number of events or the duration"),
        (lambda: simulate(1, START, events=10, scenarios=["nonsense"]), "unknown scenario 'nonsense'; known: brute-"),
        (lambda: simulate(1, START, events=10, scenarios=["brute-force/odd"]), "no variant 'odd'; it has: fast"),
        (lambda: Planned("brute-force", "fast", START, 0.0), "intensity must be above 0"),
        (lambda: Traffic(rate=0), "rate must be above 0"),
        (lambda: Traffic(users=0), "at least one user"),
    ],
)
def test_wrong_parameters_are_refused_with_the_way_out(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_refuse_unknown_severities() -> None:
    with pytest.raises((ValidationError, KeyError)):
        Label.model_validate({"scenario": "x", "min_severity": "terrible"})
