"""`tokentrail replay` from outside: the same alerts from every kind of source, and what became of every record."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from jsonschema import Draft202012Validator
from kafka import KafkaProducer

from ingest.simulator import Traffic, simulate
from schemas.export import documents
from schemas.fields import format_time, parse_time
from tests.app.conftest import Ran, Tokentrail
from tests.services.service import Service

START = parse_time("2026-03-02T09:00:00Z")
EVENTS = 8_000
BAD = (b"no JSON", b'{"event_id":"\xff"}', b'{"event_id":"e1"}', b"x" * 70_000)
SUMMARY = re.compile(
    r"(?P<read>\d+) records read; (?P<refused>\d+) refused(?: \((?P<why>[^)]*)\))?; (?P<skipped>\d+) skipped.*; "
    r"(?P<judged>\d+) events judged; (?P<late>\d+) late; (?P<duplicate>\d+) duplicate"
)
PACK: dict[str, Callable[[bytes], bytes]] = {".ndjson": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}
SEVERITIES = ["informational", "low", "medium", "high", "critical"]
ROOT = Path(__file__).parents[2]
CLOUDTRAIL = json.loads((Path(__file__).parents[1] / "ingest" / "fixtures" / "cloudtrail.json").read_bytes())


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    traffic = Traffic(rate=2.0, users=200, intensity=3.0)
    return [orjson.dumps(event) for event in simulate(1, START, events=EVENTS, traffic=traffic)]


@pytest.fixture
def log(events: list[bytes], tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n".join(events) + b"\n")
    return path


@pytest.fixture
def expected(log: Path, tokentrail: Tokentrail) -> Ran:
    ran = tokentrail("replay", log, "--json")
    assert ran.code == 0
    assert len(ran.records) > 20
    return ran


def summary(ran: Ran) -> dict[str, str]:
    match = SUMMARY.fullmatch(ran.stderr.splitlines()[-1])
    assert match, ran.stderr
    return match.groupdict()


def test_findings_that_a_rule_allows_raise_no_alert_and_are_counted(
    log: Path, expected: Ran, tokentrail: Tokentrail, tmp_path: Path
) -> None:
    rule = 'reason = "load test"\nowner = "ana"\nips = ["0.0.0.0/0", "::/0"]\ndetectors = ["failed-auth-burst"]\n'
    (tmp_path / "tokentrail.toml").write_text(f"[[allow]]\n{rule}", "utf-8")
    ran = tokentrail("replay", log, "--json")
    allowed = re.fullmatch(r"findings allowed \(load test\): (\d+)", ran.stderr.splitlines()[-1])
    assert allowed is not None
    assert int(allowed[1]) > 0
    ids = {record["alert_id"] for record in expected.records if record["detector"] != "failed-auth-burst"}
    left = {record["alert_id"] for record in ran.records}
    assert ids <= left
    assert all(record["entities"][0]["type"] != "ip" for record in ran.records if record["alert_id"] not in ids)


def test_stdout_holds_alerts_of_the_contract_and_stderr_everything_else(expected: Ran) -> None:
    contract = Draft202012Validator(documents()["token-alert.v1.json"])
    for record in expected.records:
        assert next(iter(record)) == "time"
        assert list(contract.iter_errors(record)) == []
    revisions: dict[str, list[int]] = {}
    for record in expected.records:
        revisions.setdefault(record["alert_id"], []).append(record["revision"])
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in revisions.values())
    said = summary(expected)
    assert (said["read"], said["refused"]) == (str(EVENTS), "0")
    assert int(said["judged"]) + int(said["duplicate"]) == EVENTS


def packed(kind: str, lines: list[bytes], folder: Path) -> tuple[list[Path | str], bytes]:
    """Write the lines as a source of some kind; give the arguments that name it, and what goes to stdin."""
    content = b"\n".join(lines) + b"\n"
    match kind:
        case "gz":
            (folder / "e.ndjson.gz").write_bytes(gzip.compress(content))
            return [folder / "e.ndjson.gz"], b""
        case "zst":
            (folder / "e.zst").write_bytes(zstandard.compress(content))
            return [folder / "e.zst"], b""
        case "stdin":
            return ["-"], content
        case "stdin, packed":
            return ["-"], gzip.compress(content)
        case "stdin, followed":
            return ["-", "--follow"], content
    (folder / "logs" / "deep").mkdir(parents=True)
    places = ("logs/b.ndjson", "logs/a.ndjson.gz", "logs/deep/c.zst")
    for number, place in enumerate(places):
        part = b"\n".join(line for at, line in enumerate(lines) if at % 3 == number)
        (folder / place).write_bytes(PACK[Path(place).suffix](part))
    return [folder / "logs"] if kind == "folder" else [folder / place for place in places], b""


@pytest.mark.parametrize("kind", ["gz", "zst", "stdin", "stdin, packed", "stdin, followed", "folder", "files"])
def test_every_kind_of_source_gives_the_same_alerts(
    kind: str, events: list[bytes], expected: Ran, tokentrail: Tokentrail, tmp_path: Path
) -> None:
    arguments, stdin = packed(kind, events, tmp_path)
    ran = tokentrail("replay", "--json", *arguments, stdin=stdin)
    assert (ran.code, summary(ran)) == (0, summary(expected))
    assert sorted(ran.stdout.splitlines()) == sorted(expected.stdout.splitlines())


@pytest.mark.parametrize("size", [1, 37, 5_000, 100_000])
def test_the_batch_size_changes_nothing(size: int, events: list[bytes], tokentrail: Tokentrail, tmp_path: Path) -> None:
    some = events[: 40 * size] if size < 100 else events
    log = tmp_path / "some.ndjson"
    log.write_bytes(b"\n".join(some))
    whole, cut = tokentrail("replay", log, "--json"), tokentrail("replay", log, "--json", "--batch-size", size)
    assert (cut.code, cut.stderr, sorted(cut.stdout.splitlines())) == (
        0,
        whole.stderr,
        sorted(whole.stdout.splitlines()),
    )


def test_the_refused_are_as_many_as_the_bad_lines_and_come_out_as_dead_letters(
    events: list[bytes], tokentrail: Tokentrail, tmp_path: Path
) -> None:
    lines = events[:600]
    for number, bad in enumerate(BAD * 3):
        lines.insert(number * 40, bad)
    (tmp_path / "mixed").write_bytes(b"\n".join(lines))
    ran = tokentrail("replay", "mixed", "--json", "--dead-letters", "dead")
    said = summary(ran)
    assert (ran.code, said["read"], said["refused"]) == (0, "612", "12")
    assert said["why"] == "3 invalid, 3 not-json, 3 not-utf8, 3 too-large"
    letters = [orjson.loads(line) for line in (tmp_path / "dead").read_bytes().splitlines()]
    assert [letter["offset"] for letter in letters] == [number * 40 + 1 for number in range(12)]
    assert ran.stdout == tokentrail("replay", "-", "--json", stdin=b"\n".join(events[:600])).stdout


def test_a_damaged_archive_is_read_to_the_damage_and_says_so(
    events: list[bytes], tokentrail: Tokentrail, tmp_path: Path
) -> None:
    whole = gzip.compress(b"\n".join(events))
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    ran = tokentrail("replay", "cut.gz", "--dead-letters", "dead")
    said = summary(ran)
    assert ran.code == 0
    assert 1_000 < int(said["read"]) < EVENTS
    assert "truncated-file" in said["why"]
    assert "byte" in orjson.loads((tmp_path / "dead").read_bytes().splitlines()[-1])["detail"]


def test_fail_on_exits_3_from_the_severity_of_the_worst_alert_down(
    log: Path, expected: Ran, tokentrail: Tokentrail
) -> None:
    worst = max(SEVERITIES.index(record["severity"]) for record in expected.records)
    for number, severity in enumerate(SEVERITIES):
        ran = tokentrail("replay", log, "--json", "--fail-on", severity)
        assert (ran.code, ran.stdout) == (3 if number <= worst else 0, expected.stdout)
    assert tokentrail("replay", "-", "--fail-on", "informational").code == 0


def test_out_takes_what_json_would_print(log: Path, expected: Ran, tokentrail: Tokentrail, tmp_path: Path) -> None:
    ran = tokentrail("replay", log, "--out", "alerts.ndjson")
    assert (ran.code, ran.stdout) == (0, b"")
    assert (tmp_path / "alerts.ndjson").read_bytes() == expected.stdout
    both = tokentrail("replay", log, "--json", "--out", "alerts.ndjson")
    assert (tmp_path / "alerts.ndjson").read_bytes() == both.stdout == expected.stdout


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_shows_each_alert_once_and_fits(
    columns: int, log: Path, expected: Ran, tokentrail: Tokentrail
) -> None:
    ran = tokentrail("replay", log, columns=columns)
    assert ran.code == 0
    lines = ran.text.splitlines()
    assert max(map(len, lines)) <= columns
    latest = {record["alert_id"]: record for record in expected.records}
    for alert_id, record in latest.items():
        assert ran.text.count(alert_id[:8]) == 1
        assert record["class"] in ran.text
    words = " ".join(ran.text.split())
    assert columns < 120 or all(" ".join(record["summary"].split()) in words for record in latest.values())
    shown = [SEVERITIES.index(line.split()[0]) for line in lines[1:] if line.split()[0] in SEVERITIES]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == len(latest)


def test_from_and_to_judge_only_what_lies_between(log: Path, events: list[bytes], tokentrail: Tokentrail) -> None:
    times = sorted(parse_time(orjson.loads(event)["time"]) for event in events)
    first, last = (format_time(times[len(times) * part // 4]) for part in (1, 3))
    ran = tokentrail("replay", log, "--json", "--from", first, "--to", last)
    assert taken(ran) == sum(parse_time(first) <= time < parse_time(last) for time in times)
    assert summary(ran)["read"] == str(EVENTS)
    assert ran.records
    assert all(first <= record["start"] <= record["time"] < last for record in ran.records)
    before, after = tokentrail("replay", log, "--to", first), tokentrail("replay", log, "--from", first)
    assert taken(before) + taken(after) == EVENTS


def taken(ran: Ran) -> int:
    """Events that reached the order buffer."""
    said = summary(ran)
    return int(said["judged"]) + int(said["duplicate"])


def test_detector_runs_only_these(log: Path, expected: Ran, tokentrail: Tokentrail) -> None:
    found = {record["detector"] for record in expected.records}
    assert len(found) > 1
    for name in found:
        ran = tokentrail("replay", log, "--json", "--detector", name, "--detector", "refresh-reuse")
        assert {record["detector"] for record in ran.records} == {name} | (found & {"refresh-reuse"})


def test_set_changes_a_parameter(log: Path, expected: Ran, tokentrail: Tokentrail) -> None:
    def brute_force(ran: Ran) -> set[str]:
        return {record["alert_id"] for record in ran.records if record["class"] == "brute-force"}

    ran = tokentrail("replay", log, "--json", "--set", "failed-auth-burst.brute_force_tries=100000")
    assert brute_force(expected)
    assert not brute_force(ran)
    config = log.with_name("strict.toml")
    config.write_text("[[detectors]]\ntype = 'failed-auth-burst'\nbrute_force_tries = 100000\n", "utf-8")
    assert tokentrail("replay", log, "--json", "--config", config).stdout == ran.stdout


def sign_ins(count: int) -> Iterator[dict[str, Any]]:
    """Failed sign-ins of one user from one address, as CloudTrail writes them."""
    [refused] = [case["record"] for case in CLOUDTRAIL if case["case"] == "a wrong password at the console"]
    for number in range(count):
        yield refused | {"eventID": f"sign-in-{number}", "eventTime": f"2026-03-02T09:00:{number:02}Z"}


@pytest.mark.parametrize("options", [[], ["--format", "cloudtrail"]])
@pytest.mark.parametrize("shape", ["documents", "lines"])
def test_cloudtrail(options: list[str], shape: str, tokentrail: Tokentrail, tmp_path: Path) -> None:
    records = [*(case["record"] for case in CLOUDTRAIL), *sign_ins(40)]
    (tmp_path / "trail").mkdir()
    if shape == "documents":
        half = len(records) // 2
        for name, part in (("1.json.gz", records[:half]), ("2.json.gz", records[half:])):
            (tmp_path / "trail" / name).write_bytes(gzip.compress(orjson.dumps({"Records": part})))
    else:
        (tmp_path / "trail" / "all.ndjson").write_bytes(b"\n".join(map(orjson.dumps, records)))
    ran = tokentrail("replay", "trail", "--json", *options)
    said = summary(ran)
    assert (ran.code, said["read"], said["refused"]) == (0, str(len(records)), "0")
    assert int(said["skipped"]) == sum("skipped" in case for case in CLOUDTRAIL)
    assert "brute-force" in {record["class"] for record in ran.records}


def test_a_hostile_log_reaches_the_terminal_as_text(tokentrail: Tokentrail) -> None:
    hostile = "\x1b]0;owned\x07[red]\u202eana\x1b[2J"
    lines = [
        {
            "event_id": f"e{number}",
            "type": "verify-failure",
            "reason": "bad-credentials",
            "time": f"2026-03-02T09:00:{number:02}Z",
            "iss": "https://id.example",
            "sub": hostile,
            "username": hostile,
            "client_id": "web",
            "ip": "203.0.113.7",
            "source": "test",
        }
        for number in range(40)
    ]
    stdin = b"\n".join(map(orjson.dumps, lines))
    for columns in (80, 160):
        ran = tokentrail("replay", "-", stdin=stdin, columns=columns)
        assert ran.code == 0
        assert r"\x1b]0;owned\x07[red]\u202eana\x1b[2J" in "".join(ran.text.split())
        assert all(character.isprintable() or character == "\n" for character in ran.text + ran.stderr)


def write_topic(broker: Service, topic: str, lines: list[bytes], **settings: Any) -> None:
    with KafkaProducer(bootstrap_servers=broker.address, linger_ms=20, **settings) as producer:
        if "transactional_id" in settings:
            producer.init_transactions()
            producer.begin_transaction()
        for line in lines:
            event = orjson.loads(line)
            key = (event.get("sub") or event.get("client_id") or event["event_id"]).encode()
            producer.send(topic, line, key, timestamp_ms=parse_time(event["time"]) // 1_000)
        if "transactional_id" in settings:
            producer.commit_transaction()


def test_a_topic_gives_the_alerts_of_the_file_it_was_made_from(
    events: list[bytes],
    expected: Ran,
    tokentrail: Tokentrail,
    kafka_broker: Service,
    make_topic: Callable[[int], str],
) -> None:
    topic = make_topic(4)
    write_topic(kafka_broker, topic, events)
    ran = tokentrail("replay", f"kafka://{kafka_broker.address}/{topic}", "--json")
    assert (ran.code, summary(ran)) == (0, summary(expected))
    assert sorted(ran.stdout.splitlines()) == sorted(expected.stdout.splitlines())


def test_a_topic_whose_last_offsets_hold_no_record_has_an_end(
    events: list[bytes],
    tokentrail: Tokentrail,
    kafka_broker: Service,
    make_topic: Callable[[int], str],
) -> None:
    topic = make_topic(2)
    # The mark of a committed transaction takes an offset and is no record.
    write_topic(kafka_broker, topic, events[:500], transactional_id=topic)
    ran = tokentrail("replay", f"kafka://{kafka_broker.address}/{topic}", "--json")
    assert (ran.code, summary(ran)["read"]) == (0, "500")


def test_an_empty_topic_and_an_empty_file_hold_no_alerts(
    tokentrail: Tokentrail, kafka_broker: Service, make_topic: Callable[[int], str], tmp_path: Path
) -> None:
    (tmp_path / "nothing").touch()
    for source in (f"kafka://{kafka_broker.address}/{make_topic(2)}", "nothing", "-"):
        ran = tokentrail("replay", source)
        assert (ran.code, ran.text, summary(ran)["read"]) == (0, "no alerts\n", "0")
        assert tokentrail("replay", source, "--json").stdout == b""


def test_a_file_that_grows_gives_alerts_as_they_come_until_it_is_stopped(
    events: list[bytes], tokentrail: Tokentrail, tmp_path: Path
) -> None:
    log, out = tmp_path / "growing.ndjson", tmp_path / "alerts.ndjson"
    log.touch()
    command = [
        sys.executable,
        "-c",
        "from app.cli import main; main()",
        "replay",
        str(log),
        "--follow",
        "--out",
        str(out),
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as following:
        with log.open("ab") as file:
            for at in range(0, EVENTS, 2_000):
                file.write(b"\n".join(events[at : at + 2_000]) + b"\n")
                file.flush()
        while not (out.exists() and len(out.read_bytes().splitlines()) > 5):
            assert following.poll() is None
            time.sleep(0.1)
        following.send_signal(signal.SIGINT)
        assert following.stderr is not None
        said = following.stderr.read().decode()
    assert following.returncode == 0, said
    counts = SUMMARY.fullmatch(said.splitlines()[-1])
    assert counts is not None, said
    log.write_bytes(b"\n".join(events[: int(counts["read"])]) + b"\n")
    ended_there = tokentrail("replay", log, "--json")
    assert sorted(out.read_bytes().splitlines()) == sorted(ended_there.stdout.splitlines())


def test_nothing_is_written_but_what_was_asked_for(log: Path, tokentrail: Tokentrail, tmp_path: Path) -> None:
    tokentrail("replay", log)
    assert list(islice(tmp_path.iterdir(), 2)) == [log]
