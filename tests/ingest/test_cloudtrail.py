"""The CloudTrail adapter on records in the documented shapes, and on what real logs hold besides."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import DeadReason, RawRecords
from ingest.vendors import ADAPTERS, Skip

CASES = json.loads((Path(__file__).parent / "fixtures" / "cloudtrail.json").read_bytes())
ADAPTER = ADAPTERS["cloudtrail"]
SECRETS = Secrets(b"0123456789abcdef")


def decode(*records: object, record_format: str = "cloudtrail") -> Any:
    return Decoder(SECRETS, record_format).decode(RawRecords.of([orjson.dumps(record) for record in records]))


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_record_becomes(case: dict[str, Any]) -> None:
    assert ADAPTER.recognises(case["record"])

    result = ADAPTER.normalise(case["record"], Counter())

    assert result == (Skip(case["skipped"]) if "skipped" in case else case["events"])


def test_every_record_is_an_event_or_counted() -> None:
    decoded = decode(*(case["record"] for case in CASES))

    assert len(decoded.events) == sum("events" in case for case in CASES)
    assert decoded.skipped.total() == sum("skipped" in case for case in CASES)
    assert decoded.dead == []
    assert decoded.counters["cloudtrail:invalid-ip"] == 1
    assert not decoded.unknown_fields


def test_the_copies_of_a_shared_event_are_one_event() -> None:
    shared = CASES[0]["record"]
    copy = {**shared, "eventID": "another", "recipientAccountId": "444455556666"}

    keys = decode(shared, copy).events["event_key"]

    assert keys[0] == keys[1]


def test_issue_and_use_of_a_temporary_key_join_across_accounts() -> None:
    issue = CASES[0]["record"]
    identity = issue["userIdentity"] | {"accessKeyId": "ASIAEXAMPLE000000002", "accountId": "444455556666"}
    use = CASES[6]["record"] | {"userIdentity": identity}

    tokens = decode(issue, use).events["token_id"]

    assert tokens[0] == tokens[1] != 0


def test_auto_tells_records_apart() -> None:
    native = {"event_id": "1", "type": "issue", "time": 1}

    decoded = decode(CASES[6]["record"], native, record_format="auto")

    assert decoded.events.text.gather(columns=["source"]).column(0).to_pylist() == ["aws-cloudtrail", None]


def test_a_record_without_an_id_is_refused_by_name() -> None:
    record = {name: value for name, value in CASES[6]["record"].items() if name != "eventID"}

    (letter,) = decode(record).dead

    assert letter.reason is DeadReason.INVALID
    assert letter.detail.startswith("event_id: ")


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = [
    (name,) if inner is None else (name, inner)
    for case in CASES
    for name, value in case["record"].items()
    for inner in [None, *(value if isinstance(value, dict) else ())]
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([case["record"] for case in CASES]), st.sampled_from(PATHS), anything)
def test_no_shape_of_any_part_breaks_it(record: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    spoiled = json.loads(json.dumps(record))
    part = spoiled if len(path) == 1 else spoiled.setdefault(path[0], {})
    if isinstance(part, dict):
        part[path[-1]] = value

    decoded = decode(spoiled)

    assert len(decoded.events) + len(decoded.dead) + decoded.skipped.total() == 1
