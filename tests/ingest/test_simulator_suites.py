"""The suites beside the headline: how their attacks differ from what is benign, and the benign traffic like them."""

from collections import Counter
from typing import Any

import pytest

from detectors.registry import DETECTORS
from ingest.simulator import ATTACKS, IN_ORDER, SUITES, Label, Planned, Simulation, Traffic, simulate, spread
from ingest.simulator.clock import DAY, HOUR, MINUTE, SECOND
from ingest.simulator.draws import Draws
from ingest.simulator.lookalikes import AUTHORIZATION_SERVERS, DOWNLOADS, FAMILY_CLIENT, PROXIED_SERVERS
from ingest.simulator.signing import ADMINISTRATORS
from schemas.fields import parse_time

START = parse_time("2026-09-21T10:10:00Z")
Event = dict[str, Any]


@pytest.fixture(scope="module")
def benign() -> list[Event]:
    traffic = Traffic(rate=1.5, users=400, disorder=IN_ORDER)
    return list(simulate(12, START, duration=DAY, scenarios=[], traffic=traffic))


def play(scenario: str, variant: str, intensity: float = 2.0) -> tuple[Label, list[Event], list[Event]]:
    """Play one attack in quiet traffic: its label, its hostile events, and all events."""
    traffic = Traffic(rate=0.02, users=500, disorder=IN_ORDER)
    simulation = Simulation(21, START, [Planned(scenario, variant, START, intensity)], traffic)
    events = simulation.advance(START + ATTACKS[scenario].variants[variant].span + MINUTE)
    (label,) = simulation.labels()
    hostile = set(label.event_ids)
    return label, [event for event in events if event["event_id"] in hostile], events


def variants(*scenarios: str) -> list[tuple[str, str]]:
    return [(scenario, variant) for scenario in scenarios for variant in ATTACKS[scenario].variants]


def test_every_attack_is_in_one_suite_and_the_headline_is_the_default() -> None:
    assert sorted(name for suite in SUITES.values() for name in suite) == sorted(ATTACKS)
    end = START + 8 * DAY
    assert {planned.scenario for planned in spread(None, START, end, Draws(1, "plan"))} == set(SUITES["headline"])
    planned = spread(["policy", "copied-token/fast"], START, end, Draws(1, "plan"))
    assert {attack.scenario for attack in planned} == {*SUITES["policy"], "copied-token"}


@pytest.mark.parametrize("name", ATTACKS)
def test_labels_expect_detectors_and_classes_that_there_are(name: str) -> None:
    attack = ATTACKS[name]
    known = {class_.name for detector in attack.expected for class_ in DETECTORS[detector].classes}
    named = {*attack.classes, *(class_ for variant in attack.variants.values() for class_ in variant.classes)}
    assert named <= known


@pytest.mark.parametrize(("scenario", "variant"), variants("foreign-client"))
def test_a_foreign_client_presents_what_was_issued_to_another(scenario: str, variant: str) -> None:
    _, hostile, events = play(scenario, variant)
    issued = {event["token_id"]: event["client_id"] for event in events if event["type"] == "issue"}
    presented = [str(event.get("parent_id", event["token_id"])) for event in hostile if event["type"] != "issue"]
    owners = {issued[token] for token in presented if token.startswith("rt-")}
    assert len(owners) == 1
    assert {event["client_id"] for event in hostile}.isdisjoint(owners)


@pytest.mark.parametrize(("scenario", "variant"), variants("copied-token", "foreign-key", "unbound-use"))
def test_copies_are_used_while_they_live_from_another_network(scenario: str, variant: str) -> None:
    _, hostile, events = play(scenario, variant)
    (issue,) = [event for event in events if event["type"] == "issue" and event["token_id"] == hostile[0]["token_id"]]
    for event in hostile:
        assert parse_time(event["time"]) < parse_time(issue["exp"])
        assert event["ip"] != issue["ip"]
        assert (event["country"] == issue["country"]) == (variant == "own-country")
        if scenario == "foreign-key":
            assert event["presented_cnf"] != issue["cnf"]
        elif scenario == "unbound-use":
            assert event["auth_scheme"] == "bearer"
            assert "presented_cnf" not in event


@pytest.mark.parametrize(("scenario", "variant"), variants("expired-token", "unchecked-expiry"))
@pytest.mark.parametrize("intensity", [0.5, 2.0])
def test_expired_tokens_are_overdue_by_the_dose(scenario: str, variant: str, intensity: float) -> None:
    label, hostile, _ = play(scenario, variant, intensity)
    owner = scenario == "unchecked-expiry"
    dose = (300 if owner else 60) * intensity
    overdue = min(parse_time(event["time"]) - parse_time(event["exp"]) for event in hostile)
    assert overdue >= dose * SECOND
    if variant == "fast":
        assert overdue < (dose + 5) * SECOND + 2 * MINUTE
    assert label.posture == owner


@pytest.mark.parametrize(("scenario", "variant"), variants("revoked-token", "revoked-family", "logged-out-token"))
def test_revoked_tokens_work_on_after_the_delay_of_the_dose(scenario: str, variant: str) -> None:
    label, hostile, events = play(scenario, variant)
    session = next(event["session_id"] for event in hostile if "session_id" in event)
    (revoked,) = [event for event in events if event["type"] == "revoke" and event.get("session_id") == session]
    assert label.start - parse_time(revoked["time"]) >= 20 * SECOND
    if scenario != "revoked-family":
        assert all(parse_time(event["time"]) < parse_time(event["exp"]) for event in hostile)


@pytest.mark.parametrize(("scenario", "variant"), variants("unsigned-token", "hmac-by-public-key", "own-key"))
def test_forged_tokens_were_never_issued_and_show_the_forgery(scenario: str, variant: str) -> None:
    _, hostile, events = play(scenario, variant)
    issued = {event["token_id"] for event in events if event["type"] == "issue" and "token_id" in event}
    assert issued.isdisjoint(event["token_id"] for event in hostile)
    taken = [event for event in hostile if event["type"] == "key-use"]
    assert bool(taken) == (variant != "refused")
    for event in taken:
        assert event["alg"].lower() == "none" or event["alg"].startswith("HS") or event["header_params"]
        assert event["sub_type"] == "user"
    assert not any("sub" in event for event in hostile if event["type"] == "verify-failure")


@pytest.mark.parametrize(("scenario", "variant"), variants("id-token-at-api", "refresh-token-at-api"))
def test_tokens_of_the_wrong_kind_were_issued_as_that(scenario: str, variant: str) -> None:
    _, hostile, events = play(scenario, variant)
    kinds = {event["token_id"]: event["token_type"] for event in events if event["type"] == "issue"}
    assert {kinds[event["token_id"]] for event in hostile} == {scenario.partition("-")[0]}
    assert any("token_type" in event for event in hostile) == (variant != "unsaid")


def test_faults_are_labelled_as_posture_and_have_clients_or_keys_of_their_own() -> None:
    plan = [Planned(name, "fast", START + MINUTE) for name in SUITES["policy"] for _ in range(3)]
    simulation = Simulation(3, START, plan, Traffic(rate=0.02, users=500, disorder=IN_ORDER))
    simulation.advance(START + HOUR)
    faults = [label for label in simulation.labels() if label.posture]
    assert {label.scenario for label in faults} == {"plain-http", "token-in-query", "weak-key", "misdirected-token"}
    assert len({label.entities[0].id for label in faults}) == len(faults) == 12


def test_tampering_is_never_the_work_of_an_administrator() -> None:
    for scenario, variant in variants("key-sabotage", "key-copy", "key-opening", "secret-theft"):
        _, hostile, _ = play(scenario, variant)
        assert {event["sub"] for event in hostile}.isdisjoint(ADMINISTRATORS)


def test_benign_traffic_has_what_looks_like_an_attack(benign: list[Event]) -> None:
    seen = Counter((event.get("resource_server"), event.get("transport")) for event in benign)
    assert all(seen[server, "http"] for server in PROXIED_SERVERS)
    kinds = {event.get("resource_server"): event.get("token_type") for event in benign}
    assert [kinds[server] for server in AUTHORIZATION_SERVERS] == ["id", "refresh"]
    assert any(event["client_id"] == FAMILY_CLIENT and event["type"] == "refresh" for event in benign)
    assert any(event["client_id"] == DOWNLOADS and event.get("token_location") == "query" for event in benign)
    assert any(event.get("header_params") == ["jwk"] and event["auth_scheme"] == "dpop" for event in benign)
    assert any(event.get("header_params") == ["x5c"] for event in benign)
    assert any(event.get("alg") == "HS256" for event in benign)
    operations = Counter(event.get("operation") for event in benign)
    assert operations["read-secret"] > 5
    late = [
        parse_time(event["time"]) - parse_time(event["exp"])
        for event in benign
        if event["type"] == "key-use" and "exp" in event
    ]
    assert 0 < max(late) < 20 * MINUTE


def test_benign_tokens_live_on_after_the_end_of_their_session(benign: list[Event]) -> None:
    ended: dict[str, int] = {}
    after: Counter[tuple[str | None, str]] = Counter()
    for event in benign:
        session = event.get("session_id", "")
        if event["type"] == "revoke" and event["reason"] == "logout":
            ended[session] = parse_time(event["time"])
        elif session in ended:
            after[event.get("token_format"), event["type"]] += 1
    assert after["jws", "key-use"] > 0
    assert after["opaque", "key-use"] > 0
