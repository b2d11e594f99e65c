"""`tokentrail simulate` from outside: the same traffic wherever it goes, and labels that say what is in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from kafka import KafkaConsumer, TopicPartition

from schemas.export import documents
from schemas.fields import format_time, parse_time
from tests.app.conftest import Ran, Tokentrail
from tests.services.service import Service

OLD = "2024-01-01T00:00:00Z"
DAY_MS = 86_400_000


def records(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def simulate(tokentrail: Tokentrail, *options: object) -> Ran:
    ran = tokentrail("simulate", "--start", OLD, "--rate", 2, *options)
    assert ran.code == 0, ran.stderr
    return ran


def test_events_follow_the_contract_and_are_as_many_as_asked_for(tokentrail: Tokentrail, tmp_path: Path) -> None:
    ran = simulate(tokentrail, "--events", 3_000, "--out", "events")
    contract = Draft202012Validator(documents()["token-event.v1.json"])
    found = records(tmp_path / "events")
    assert len(found) == 3_000
    assert [error for event in found[:300] for error in contract.iter_errors(event)] == []
    assert ran.stdout == b""
    assert ran.stderr.startswith("3000 events, ")


def test_labels_name_events_of_the_file(tokentrail: Tokentrail, tmp_path: Path) -> None:
    simulate(tokentrail, "--events", 20_000, "--out", "events", "--labels", "labels")
    ids = {event["event_id"] for event in records(tmp_path / "events")}
    labels = records(tmp_path / "labels")
    assert labels
    for label in labels:
        assert {"scenario", "entities", "start", "end", "expected", "event_ids"} <= label.keys()
        # An attack that the end of the stream cuts off names events that did not come any more.
        assert set(label["event_ids"]) <= ids or not label["complete"]
    assert any(label["complete"] for label in labels)


def test_stdout_takes_the_same_bytes_as_a_file_and_a_seed_gives_them_again(
    tokentrail: Tokentrail, tmp_path: Path
) -> None:
    simulate(tokentrail, "--seed", 5, "--events", 500, "--out", "events")
    first = (tmp_path / "events").read_bytes()
    assert simulate(tokentrail, "--seed", 5, "--events", 500, "--out", "-").stdout == first
    assert simulate(tokentrail, "--seed", 6, "--events", 500, "--out", "-").stdout != first


def test_a_duration_bounds_event_time(tokentrail: Tokentrail, tmp_path: Path) -> None:
    simulate(tokentrail, "--duration", "10m", "--out", "events")
    times = [parse_time(event["time"]) for event in records(tmp_path / "events")]
    assert parse_time(OLD) <= min(times)
    assert max(times) - min(times) <= 600_000_000
    assert max(times) - min(times) > 500_000_000


def test_attacks_are_those_asked_for_or_none(tokentrail: Tokentrail, tmp_path: Path) -> None:
    options = ["--duration", "1h", "--out", "events", "--labels", "labels"]
    simulate(tokentrail, "--scenario", "brute-force/fast", "--scenario", "password-spray", *options)
    found = {(label["scenario"], label["variant"]) for label in records(tmp_path / "labels")}
    assert ("brute-force", "fast") in found
    assert {scenario for scenario, _ in found} == {"brute-force", "password-spray"}
    assert {variant for scenario, variant in found if scenario == "brute-force"} == {"fast"}
    ran = simulate(tokentrail, "--benign", *options)
    assert records(tmp_path / "labels") == []
    assert ", 0 attacks, " in ran.stderr


def test_an_attack_that_does_not_fit_is_named(tokentrail: Tokentrail) -> None:
    ran = simulate(
        tokentrail,
        "--scenario",
        "brute-force/slow",
        "--scenario",
        "brute-force/fast",
        "--duration",
        "30m",
        "--out",
        "events",
    )
    assert ran.stderr.splitlines()[1:] == [
        "too short for brute-force/slow: give more --events, a longer --duration, or less --rate"
    ]


def test_a_stream_too_short_for_any_attack_says_so(tokentrail: Tokentrail) -> None:
    ran = simulate(tokentrail, "--events", 50, "--out", "events")
    assert "too short for any attack" in ran.stderr
    assert "too short" not in simulate(tokentrail, "--events", 50, "--benign", "--out", "events").stderr


@pytest.fixture
def url(kafka_broker: Service, make_topic: Callable[[int], str]) -> str:
    return f"kafka://{kafka_broker.address}/{make_topic(3)}"


def stamps(url: str) -> list[tuple[int, int]]:
    """Read the record timestamp and event time of each record on a topic, in ms."""
    bootstrap, _, topic = url.removeprefix("kafka://").partition("/")
    with KafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(3)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        total = sum(consumer.end_offsets(partitions).values())
        found: list[tuple[int, int]] = []
        while len(found) < total:
            for batch in consumer.poll(500).values():
                found += [(r.timestamp, parse_time(orjson.loads(r.value or b"")["time"]) // 1_000) for r in batch]
    return found


def test_events_of_the_past_stay_on_a_topic(url: str, tokentrail: Tokentrail, tmp_path: Path) -> None:
    before = time.time_ns() // 1_000_000
    simulate(tokentrail, "--events", 2_000, "--out", url)
    simulate(tokentrail, "--events", 2_000, "--out", "events")
    written = stamps(url)
    # By their own times a broker would delete them within minutes.
    assert len(written) == 2_000
    assert all(before - 1_000 <= stamp for stamp, _ in written)
    topic, file = (tokentrail("replay", source, "--json") for source in (url, tmp_path / "events"))
    assert topic.stderr == file.stderr
    assert sorted(topic.stdout.splitlines()) == sorted(file.stdout.splitlines()) != []


def test_recent_events_carry_their_own_time(url: str, tokentrail: Tokentrail) -> None:
    start = format_time(time.time_ns() // 1_000 - 3_600_000_000)
    ran = tokentrail("simulate", "--start", start, "--events", 500, "--out", url)
    assert ran.code == 0, ran.stderr
    assert all(stamp == event_time for stamp, event_time in stamps(url))
