"""The register of tokens: what a use is told about the issue, however the stream is cut, saved and forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.base import Detector
from detectors.lifecycle.long_lived_token import LongLivedToken
from detectors.lifecycle.token_leaked import TokenLeaked
from detectors.lifecycle.use_after_expiry import UseAfterExpiry
from detectors.run import tokens_for
from detectors.tokens import Tokens
from schemas.columns import NULL_TIME, TRACED
from schemas.fields import parse_time
from schemas.frame import Events
from tests.detectors.laws import through_bytes
from tests.detectors.streams import mixed_stream
from tests.detectors.writer import DAY, HOUR
from tests.frames import frame

START = parse_time("2026-03-02T09:00:00Z")
HOME = {"client_id": "shop", "device_id": "phone", "asn": 3320, "country": "DE", "ip": "198.51.100.7", "sub": "ann"}


def event(kind: str, at: int, token: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "time": (START + at) // 1_000, "token_id": token, **HOME, **fields}


def traced(*rows: dict[str, Any], ttl: int = DAY) -> Events:
    events = frame(list(rows))
    return Tokens(ttl).trace(events.with_columns(order_time=events["time"]))


def column(events: Events, name: str) -> list[Any]:
    found: list[Any] = events[name].tolist()
    return found


def test_a_use_is_told_when_its_token_was_issued_and_until_when() -> None:
    life = {"exp": (START + HOUR) // 1_000, "token_type": "access"}
    events = traced(event("issue", 0, "a", **life), event("key-use", HOUR, "a"))
    assert column(events, "issued_at") == [NULL_TIME, START]
    assert column(events, "issued_exp") == [NULL_TIME, START + HOUR]
    assert column(events, "issue_event") == [0, events["event_key"][0]]
    assert column(events, "issued_type") == [-1, events["token_type"][0]]


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({}, {"client": 1, "device": 1, "asn": 1, "country": 1, "address": 1, "cnf": -1, "agent": -1}),
        ({"client_id": "news", "device_id": "vm"}, {"client": 0, "device": 0, "asn": 1}),
        ({"asn": 12389, "country": "RU", "ip": "203.0.113.9"}, {"asn": 0, "country": 0, "address": 0, "device": 1}),
        ({"asn": None, "device_id": None}, {"asn": -1, "device": -1, "country": 1}),
        ({"ip_role": "server", "asn": 16509}, {"asn": -1, "country": -1, "address": -1, "client": 1}),
    ],
)
def test_what_is_unknown_on_either_side_is_neither_same_nor_other(fields: dict[str, Any], same: dict[str, int]) -> None:
    events = traced(event("issue", 0, "a"), event("key-use", HOUR, "a", **fields))
    assert {name: events[f"same_{name}"][1] for name in same} == same
    assert all(events[f"same_{name}"][0] == -1 for name in same)


def test_a_refresh_presents_its_parent_and_mints_its_child() -> None:
    events = traced(
        event("issue", 0, "r0"),
        event("refresh", HOUR, "r1", parent_id="r0", client_id="news"),
        event("refresh", 2 * HOUR, "r2", parent_id="r1", client_id="news"),
    )
    assert column(events, "same_client") == [-1, 0, 1]


def test_a_key_that_is_proved_is_compared_with_the_one_the_token_is_bound_to() -> None:
    events = traced(
        event("issue", 0, "a", cnf="own"),
        event("key-use", 1, "a", presented_cnf="own"),
        event("key-use", 2, "a", presented_cnf="other"),
    )
    assert column(events, "same_cnf") == [-1, 1, 0]
    assert column(events, "issued_bound") == [-1, 1, 1]


def test_a_token_is_forgotten_unless_it_is_used() -> None:
    used = [event("key-use", DAY * number // 2, "a") for number in range(1, 6)]
    events = traced(event("issue", 0, "a"), *used, event("key-use", 4 * DAY, "a"))
    assert (events["issue_event"] != 0).tolist() == [False, *[True] * 5, False]


def test_only_the_first_who_presents_a_token_is_its_first_user() -> None:
    uses = [event("key-use", hour * HOUR, "a") for hour in (0, 2, 3)]
    events = traced(*uses, event("issue", HOUR, "a"), event("issue", 4 * HOUR, "a"))
    assert column(events, "first_use") == [-1, -1, 1, 0, -1]


@pytest.mark.parametrize(("exp", "remembered"), [("1800000000.25", 1_800_000_001), ("2199-12-31T00:00:00Z", 2**32 - 1)])
def test_ends_are_kept_in_whole_seconds_and_never_too_early(exp: str, remembered: int) -> None:
    end = float(exp) if exp[0] == "1" else exp
    events = traced(event("issue", 0, "a", exp=end), event("key-use", HOUR, "a"))
    assert events["issued_exp"][1] == remembered * 1_000_000


def test_a_signature_makes_a_token_and_presents_none() -> None:
    events = traced(event("issue", 0, "a"), event("key-use", HOUR, "a", operation="sign"), event("key-use", DAY, "a"))
    assert column(events, "first_use") == [-1, -1, 1]


def test_events_without_tokens_know_nothing() -> None:
    nobody = event("key-use", 0, "a") | {"token_id": None}
    assert (traced(nobody, event("issue", 1, "a") | {"token_id": None})["issue_event"] == 0).all()
    assert len(Tokens(DAY).trace(Events.empty())) == 0


def test_cuts_and_checkpoints_change_nothing() -> None:
    stream = mixed_stream()
    whole = Tokens(7 * DAY).trace(stream)
    tokens, parts, saved = Tokens(7 * DAY), [], []
    for rows in np.array_split(np.arange(len(stream)), 13):
        parts.append(tokens.trace(stream.take(rows)))
        saved.append(through_bytes(tokens.table.changes()))
        tokens = Tokens(7 * DAY)
        for changed in saved:
            tokens.table.apply(changed)
        tokens.table.ready()
    again = Events.concat(parts)
    assert (whole["issue_event"] != 0).any()
    for traced_column in TRACED:
        np.testing.assert_array_equal(again[traced_column.name], whole[traced_column.name])


@pytest.mark.parametrize(("kind", "looks"), [(UseAfterExpiry, True), (TokenLeaked, True), (LongLivedToken, False)])
def test_the_register_is_kept_for_detectors_that_look_at_it(kind: type[Detector], looks: bool) -> None:
    assert (tokens_for([kind()]) is not None) is looks
