"""Keycloak's log lines: what users can write into them, and what stands on them besides."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import DeadReason, RawRecords
from ingest.vendors.keycloak_log import read_line, read_message

SECRETS = Secrets(b"0123456789abcdef")
HEAD = "2026-03-02 09:03:11,123 WARN  [org.keycloak.events] (executor-thread-1) "
OWN = {"type": "LOGIN_ERROR", "realmId": "shop", "clientId": "web", "userId": "null", "ipAddress": "203.0.113.7"}
values = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.sampled_from("\\\"', ="))


def written(fields: dict[str, str]) -> str:
    """Write a message as Keycloak does: a quote in a value gets a backslash, a backslash does not."""
    return ", ".join(f'{name}="{value.replace(chr(34), chr(92) + chr(34))}"' for name, value in fields.items())


def decode(line: str) -> Any:
    return Decoder(SECRETS, "keycloak").decode(RawRecords.of([line.encode()]))


@given(values, values)
def test_no_value_writes_a_field_of_keycloaks_own(username: str, address: str) -> None:
    fields, _ = read_message(written({**OWN, "username": username, "redirect_uri": address}))

    assert {name: fields[name] for name in OWN} == OWN


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), values.filter(lambda text: "\\" not in text)))
def test_values_are_read_as_they_were(details: dict[str, str]) -> None:
    stated = {**details, **OWN}

    assert read_message(written({**OWN, **stated})) == (stated, True)


@given(st.binary(max_size=300))
def test_no_line_breaks_it(noise: bytes) -> None:
    for line in (noise, HEAD.encode() + noise, HEAD.encode() + b'type="' + noise):
        read_line(line)


def test_a_submitted_name_is_kept_as_a_hash_only() -> None:
    decoded = decode(HEAD + written({**OWN, "error": "user_not_found", "username": " Hunter2! "}))

    kept = decoded.events.text.gather(columns=["login", "username"]).to_pylist()
    assert kept == [{"login": SECRETS.hash_token("hunter2!"), "username": None}]


@pytest.mark.parametrize("line", ["type=", "type=x", "a line of another program", HEAD + "operationType="])
def test_what_is_no_event_is_counted_or_refused(line: str) -> None:
    decoded = decode(line)

    assert len(decoded.events) == 0
    assert len(decoded.dead) + decoded.skipped.total() == 1


def test_a_line_of_another_program_is_no_json() -> None:
    assert [letter.reason for letter in decode("a line of another program").dead] == [DeadReason.NOT_JSON]


def test_what_was_repaired_is_counted() -> None:
    cut = decode(HEAD + written({**OWN, "error": "user_not_found", "username": "x\\"}) + ', next="1"')

    assert cut.counters["keycloak:message-cut"] == 1
    assert cut.counters["keycloak:time-without-offset"] == 1
    assert len(cut.events) == 1
