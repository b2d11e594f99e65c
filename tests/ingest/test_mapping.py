"""A log of one's own by a mapping: what it gives, and what each wrong mapping is told."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.settings import Settings, from_mapping
from ingest.decode import Decoded, Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.vendors import with_mapped
from ingest.vendors.mapping import steps
from schemas.errors import ConfigError

TOML = """
[source]
format = "gateway"

[[mappings]]
name = "gateway"

[mappings.fields]
event_id = "$.id"
time = "$['@timestamp']"
sub = "$.user.id"
ip = "$.client['ip.list'][1]"
scope = '$.token["scope"]'
login = "$.typed"

[mappings.type]
path = "$.action"

[mappings.type.values]
login = { type = "issue", token_type = "session" }
login_failed = { type = "verify-failure", reason = "bad-credentials" }
401 = { type = "verify-failure", reason = "expired" }
ping = { }

[mappings.always]
iss = "https://gateway.example"
source = "gateway"
"""
RECORD: dict[str, Any] = {
    "id": "1",
    "@timestamp": "2026-03-02T09:03:11Z",
    "user": {"id": "alice"},
    "client": {"ip.list": ["10.0.0.1", "203.0.113.7"]},
    "token": {"scope": "read write"},
    "action": "login",
}
SECRETS = Secrets(b"0123456789abcdef")


def loaded(toml: str = TOML) -> Settings:
    return from_mapping(tomllib.loads(toml), "tokentrail.toml")


def decode(*records: Any, toml: str = TOML) -> Decoded:
    config = loaded(toml)
    decoder = Decoder(SECRETS, config.source.format, with_mapped(config.mappings))
    return decoder.decode(RawRecords.of([orjson.dumps(record) for record in records]))


def test_fields_come_from_their_paths_and_the_type_from_the_table() -> None:
    failed = {**RECORD, "id": "2", "action": "login_failed", "user": {}, "typed": "Hunter2!"}

    decoded = decode(RECORD, failed, {**RECORD, "id": "3", "action": 401})

    names = ["event_id", "sub", "ip", "iss", "login"]
    assert decoded.events.text.gather(columns=names).to_pylist() == [
        dict(zip(names, row, strict=True))
        for row in (
            ("1", "alice", "203.0.113.7", "https://gateway.example", None),
            ("2", None, "203.0.113.7", "https://gateway.example", SECRETS.hash_token("hunter2!")),
            ("3", "alice", "203.0.113.7", "https://gateway.example", None),
        )
    ]


def test_what_is_no_event_is_skipped_and_what_is_not_listed_counted() -> None:
    decoded = decode({**RECORD, "action": "ping"}, {**RECORD, "action": "a new one"}, {**RECORD, "action": ["x"]})

    assert decoded.skipped == {"gateway:ping": 1, "gateway:unnamed": 2}
    assert decoded.counters == {"unknown-code:gateway:unnamed": 2}


def test_a_record_that_the_contract_refuses_is_a_dead_letter_with_the_field() -> None:
    without_time = {name: value for name, value in RECORD.items() if name != "@timestamp"}

    assert [letter.detail.partition(":")[0] for letter in decode(without_time).dead] == ["time"]


def test_auto_takes_no_record_for_a_mapped_one() -> None:
    assert len(decode(RECORD, toml=TOML.replace('format = "gateway"', 'format = "auto"')).events) == 0


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('"$.user.id"', '"$.user..id"', "mappings[0].fields.sub: '$.user..id' is no path from '..id' on"),
        ('"$.user.id"', '"$"', "mappings[0].fields.sub: '$' is no path"),
        ("sub =", "subject =", "mappings[0].fields: 'subject' is no field of an event"),
        ('event_id = "$.id"', "", "mappings[0]: fields: event_id is needed"),
        ("sub =", "type =", "mappings[0]: type: it comes from [mappings.type] alone"),
        ('"issue", token', '"isue", token', "mappings[0].type.values: login: type: Input should be 'issue'"),
        ('reason = "expired"', 'reason = "out"', "401: reason: 'out' is no word of that field"),
        ('{ type = "issue", token_type', "{ token_type", "login: say which type of event it is"),
        ('iss = "https', 'issuer = "https', "mappings[0].always: 'issuer' is no field of an event"),
        ('name = "gateway"', 'name = "vault"', "mappings: the format 'vault' stands there twice or is built in"),
        ('name = "gateway"', 'name = "Gate way"', "mappings[0].name: "),
        ('format = "gateway"', 'format = "gatway"', "source.format: unknown format 'gatway'; known are auto, native"),
    ],
)
def test_a_wrong_mapping_is_told_where_and_what(right: str, wrong: str, says: str) -> None:
    assert right in TOML

    with pytest.raises(ConfigError) as caught:
        loaded(TOML.replace(right, wrong, 1))

    assert says in str(caught.value)


@given(st.lists(st.text(min_size=1, max_size=9) | st.integers(0, 99), min_size=1, max_size=4))
def test_any_name_has_a_path(names: list[str | int]) -> None:
    path = "".join(f"[{orjson.dumps(name).decode()}]" for name in names)

    assert steps(f"${path}") == tuple(names)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**40) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(RECORD)), anything)
def test_no_shape_of_any_part_breaks_it(name: str, value: object) -> None:
    decoded = decode({**copy.deepcopy(RECORD), name: value})

    assert len(decoded.events) + len(decoded.dead) + decoded.skipped.total() == 1
