"""The CloudTrail adapter on records in the documented shapes, and on what real logs hold besides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson

from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import DeadReason, RawRecords

CASES = json.loads((Path(__file__).parent / "fixtures" / "cloudtrail.json").read_bytes())
SECRETS = Secrets(b"0123456789abcdef")


def decode(*records: object) -> Any:
    return Decoder(SECRETS, "cloudtrail").decode(RawRecords.of([orjson.dumps(record) for record in records]))


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


def test_a_record_without_an_id_is_refused_by_name() -> None:
    record = {name: value for name, value in CASES[6]["record"].items() if name != "eventID"}

    (letter,) = decode(record).dead

    assert letter.reason is DeadReason.INVALID
    assert letter.detail.startswith("event_id: ")
