from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from detectors.base import State
from detectors.findings import Array
from detectors.keys.key_unknown import KeyUnknown
from detectors.run import step
from engines.jwks_watch import JwksSource, JwksWatch
from engines.keybook import KeyBook
from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.snapshots import read_snapshots
from schemas.columns import LISTED, NULL_TIME
from schemas.fields import format_time, parse_time
from schemas.frame import Events
from schemas.inventory import KeyRecord, ListedKey, Listing

SECRETS = Secrets(bytes(range(32)))
ISS = "https://id.acme"
MINUTE = 60_000_000
START = parse_time("2026-03-02T09:00:00Z")


def listing(*kids: str, tenant: str | None = "acme") -> Listing:
    return Listing(tenant=tenant, iss=ISS, keys=tuple(ListedKey(kid=kid, kty="RSA") for kid in kids))


def uses(*uses: tuple[int, str], iss: str = ISS, tenant: str | None = "acme") -> Events:
    """Tokens that were accepted, as the decoder reads them: minute and key of each."""
    events = [
        {
            "event_id": f"e{at}{kid}",
            "type": "key-use",
            "outcome": "success",
            "operation": "verify",
            "time": format_time(START + at * MINUTE),
            "iss": iss,
            "tenant": tenant,
            "key_id": kid,
        }
        for at, kid in uses
    ]
    read = Decoder(SECRETS, "native").decode(RawRecords.of([orjson.dumps(event) for event in events]))
    assert len(read.events) == len(events)
    return read.events.with_columns(order_time=read.events["time"])


def said(book: KeyBook, events: Events) -> list[dict[str, int]]:
    """What is said of the key of each event, times in minutes from the start."""
    described = book.inventory.describe(events)
    return [
        {
            column.name: (int(described[column.name][row]) - START) // MINUTE
            for column in LISTED
            if described[column.name][row] != NULL_TIME
        }
        for row in range(len(events))
    ]


def test_a_listed_key_is_known_where_it_is_listed(tmp_path: Path) -> None:
    book = KeyBook(SECRETS, [], tmp_path / "keys.ndjson")
    assert book.adopt(listing("k1"), START, 0)
    known = {"keys_since": 0, "key_listed_at": 0, "key_first_seen": 0}
    assert said(book, uses((1, "k1"), (2, "k2"))) == [known, {"keys_since": 0}]
    assert said(book, uses((1, "k1"), tenant="beta")) == [{}]
    assert said(book, uses((1, "k1"), iss="https://id.beta")) == [{}]


def test_nothing_is_known_without_a_key_or_a_fact(tmp_path: Path) -> None:
    book = KeyBook(SECRETS, [], tmp_path / "keys.ndjson")
    assert said(book, uses((1, "k1"))) == [{}]
    assert len(book.inventory.describe(Events.empty())) == 0


def test_what_left_the_list_is_retired_until_it_comes_back(tmp_path: Path) -> None:
    book = KeyBook(SECRETS, [], tmp_path / "keys.ndjson")
    for at, kids in ((0, ("k1", "k2")), (10, ("k2",)), (20, ("k1", "k2"))):
        book.adopt(listing(*kids), START + at * MINUTE, 0)
    columns = said(book, uses((5, "k1"), (10, "k1"), (15, "k1"), (15, "k2"), (20, "k1")))
    assert [column.get("key_retired") for column in columns] == [None, 10, 10, None, None]


def test_all_names_of_a_key_share_what_is_known(tmp_path: Path) -> None:
    record = KeyRecord.model_validate(
        {
            "ids": ["k1", "arn:aws:kms:eu-central-1:111122223333:key/1"],
            "iss": [ISS, "111122223333"],
            "tenant": "acme",
            "created": "2026-03-02T08:00:00Z",
            "retired": "2026-03-02T10:00:00+01:00",
        }
    )
    book = KeyBook(SECRETS, [record], tmp_path / "keys.ndjson")
    book.adopt(listing("k1"), START + MINUTE, 0)
    book.adopt(listing("k2"), START + 9 * MINUTE, 0)
    (by_kid,) = said(book, uses((10, "k1")))
    (by_arn,) = said(book, uses((10, record.ids[1]), iss="111122223333"))
    assert by_kid["key_retired"] == by_arn["key_retired"] == 0
    assert by_kid["key_created"] == by_arn["key_created"] == -60
    assert by_kid["key_first_seen"] == by_arn["key_first_seen"] == 1
    assert by_kid["keys_since"] == 1
    assert "keys_since" not in by_arn


def test_the_same_list_again_is_no_news(tmp_path: Path) -> None:
    book = KeyBook(SECRETS, [], tmp_path / "keys.ndjson")
    assert book.adopt(listing("k1"), START, 0)
    assert not book.adopt(listing("k1"), START + 2 * MINUTE, 0)
    assert [snapshot.keys for snapshot in read_snapshots(tmp_path / "keys.ndjson")] == [listing("k1").keys, None]
    first, second = said(book, uses((1, "k1"), (2, "k1")))
    assert first["keys_read_next"] == 2
    assert "keys_read_next" not in second


def test_whoever_takes_over_knows_what_the_last_leader_read(tmp_path: Path) -> None:
    leader, standby = (KeyBook(SECRETS, [], tmp_path / "keys.ndjson") for _ in range(2))
    leader.adopt(listing("k1"), START, 0)
    with JwksWatch([JwksSource("acme", ISS, tmp_path / "none", timedelta(hours=1))], standby):
        assert said(standby, uses((1, "k1"))) == said(leader, uses((1, "k1")))
        assert not standby.adopt(listing("k1"), START + MINUTE, 0)


def test_what_cannot_be_recorded_is_not_used(tmp_path: Path) -> None:
    book = KeyBook(SECRETS, [], tmp_path / "none" / "keys.ndjson")
    with pytest.raises(FileNotFoundError):
        book.adopt(listing("k1"), START, 0)
    assert said(book, uses((1, "k1"))) == [{}]


def test_a_list_counts_only_for_what_was_not_judged_yet(tmp_path: Path) -> None:
    book = KeyBook(SECRETS, [], tmp_path / "keys.ndjson")
    book.adopt(listing("k1"), START, START + 5 * MINUTE)
    (column,) = said(book, uses((7, "k1")))
    assert column["keys_since"] == 5


def judged(book: KeyBook, minutes: Iterable[int], events: Events, lists: dict[int, Sequence[str]]) -> Array:
    """Findings of key-unknown where the worker stops at some minutes, and reads the lists of these minutes there."""
    detector, found, done = KeyUnknown(), [], 0
    state: State = detector.new_state()
    for minute in minutes:
        watermark = START + minute * MINUTE
        if minute in lists:
            book.adopt(listing(*lists[minute]), watermark, START + done * MINUTE)
        due = (events["time"] > START + done * MINUTE) & (events["time"] <= watermark)
        described = book.inventory.describe(events.take(due))
        (findings,) = step({"it": detector}, {"it": state}, described, watermark, inventory=book.inventory)
        found.append(findings.rows[["time", "entity", "severity"]])
        done = minute
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("lists", "times"),
    [
        ({}, []),
        ({1: ["k1"], 6: ["k1"]}, [20]),
        ({1: ["k1"], 20: ["k1"]}, [20]),
        ({1: ["k1"], 21: ["k1"]}, []),
        ({1: ["k1"], 5: ["k1"]}, []),
        ({1: ["k1"], 6: ["k1"], 19: ["k1", "k2"]}, []),
        ({1: ["k1"], 6: ["k1"], 20: ["k1", "k2"]}, []),
        ({1: ["k1"], 6: ["k1"], 21: ["k1", "k2"]}, [20]),
        ({1: ["k1"], 9: ["k1", "k2"], 12: ["k1"]}, []),
        ({10: ["k1"], 15: ["k1"]}, [25]),
    ],
)
def test_a_replay_of_the_record_sees_what_the_worker_saw(
    tmp_path: Path, lists: dict[int, Sequence[str]], times: list[int]
) -> None:
    path = tmp_path / "keys.ndjson"
    events = uses((2, "k1"), (5, "k2"), (10, "k2"), (18, "k2"), (30, "k1"), (40, "k2"))
    live = judged(KeyBook(SECRETS, [], path), range(1, 60), events, lists)
    replayed = judged(KeyBook(SECRETS, [], path), [59], events, {})
    assert (live["time"] - START).tolist() == [time * MINUTE for time in times]
    np.testing.assert_array_equal(live, replayed)


def delivered(watch: JwksWatch, known: int) -> None:
    """Deliver until so many keys are known of the issuer."""
    end = time.monotonic() + 30
    kids = [(1, f"k{number}") for number in range(1, known + 1)]
    while any("key_listed_at" not in column for column in said(watch.book, uses(*kids))):
        assert time.monotonic() < end
        watch.deliver(0)


def test_a_file_is_read_again_and_again_and_the_last_good_list_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jwks.json"

    def publish(text: str) -> None:
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").replace(path)

    publish('{"keys": [{"kty": "RSA", "kid": "k1"}]}')
    source = JwksSource("acme", ISS, path, timedelta(milliseconds=1))
    with caplog.at_level(logging.WARNING), JwksWatch([source], KeyBook(SECRETS, [], tmp_path / "keys.ndjson")) as watch:
        delivered(watch, 1)
        publish('{"keys": []}')
        end = time.monotonic() + 30
        while not caplog.records and time.monotonic() < end:
            watch.deliver(0)
        (column,) = said(watch.book, uses((1, "k1")))
        assert "key_retired" not in column
        publish('{"keys": [{"kty": "RSA", "kid": "k1"}, {"kty": "RSA", "kid": "k2"}]}')
        delivered(watch, 2)
    assert ["lists no key" in record.message for record in caplog.records] == [True]


def test_what_nobody_foresaw_reaches_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(JwksSource, "read", broken)
    source = JwksSource(None, ISS, tmp_path, timedelta(seconds=1))
    watch = JwksWatch([source], KeyBook(SECRETS, [], tmp_path / "keys.ndjson"))
    with watch, pytest.raises(ZeroDivisionError):
        delivered(watch, 1)
