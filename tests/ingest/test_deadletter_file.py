"""Dead letters on disk and in the terms of Kafka Connect."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from ingest.deadletters import DeadLetterFile
from ingest.records import (
    MAX_DEAD_HEADERS,
    MAX_DEAD_KEY_BYTES,
    MAX_DEAD_VALUE_BYTES,
    MAX_DETAIL_CHARS,
    DeadLetter,
    DeadReason,
)

LETTER = DeadLetter(
    DeadReason.NOT_UTF8,
    "byte 1: invalid start byte",
    b"\xff",
    "token.events",
    3,
    42,
    1_772_366_400_000_000,
    b"k",
    [("h", b"v")],
)


def written(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_letter_is_a_line_of_json() -> None:
    assert json.loads(LETTER.to_json()) == {
        "reason": "not-utf8",
        "detail": "byte 1: invalid start byte",
        "origin": "token.events",
        "partition": 3,
        "offset": 42,
        "record_time": "2026-03-01T12:00:00.000Z",
        "key": "k",
        "value_base64": base64.b64encode(b"\xff").decode(),
        "headers": [{"name": "h", "value": "v"}],
    }


def test_headers_are_those_of_connect_after_the_records_own() -> None:
    assert LETTER.connect_headers() == [
        ("h", b"v"),
        ("__connect.errors.topic", b"token.events"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"42"),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.exception.class.name", b"not-utf8"),
        ("__connect.errors.exception.message", b"byte 1: invalid start byte"),
    ]


def test_no_part_is_endless() -> None:
    huge = DeadLetter(
        DeadReason.INVALID, "d" * 10**6, b"v" * 10**6, "t", 0, 0, None, b"k" * 10**6, [("n", b"x" * 10**6)] * 999
    )

    letter = huge.bounded()

    assert len(letter.detail) == MAX_DETAIL_CHARS
    assert len(letter.value or b"") == MAX_DEAD_VALUE_BYTES
    assert len(letter.key or b"") == len(letter.headers[0][1]) == MAX_DEAD_KEY_BYTES
    assert len(letter.headers) == MAX_DEAD_HEADERS


def test_letters_are_appended_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "new" / "dead.ndjson"
    for _ in range(2):
        with DeadLetterFile(path) as sink:
            sink.write([LETTER, LETTER])

    assert len(written(path)) == 4
    assert path.stat().st_mode & 0o777 == 0o600


def test_flushed_letters_are_there_while_the_file_is_open(tmp_path: Path) -> None:
    sink = DeadLetterFile(tmp_path / "dead.ndjson")
    sink.write([LETTER])
    sink.flush()

    assert len(written(sink.path)) == 1
    sink.close()


def test_a_line_cut_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    path.write_bytes(LETTER.to_json()[:20])

    with DeadLetterFile(path) as sink:
        sink.write([LETTER])

    assert path.read_bytes().splitlines()[1] == LETTER.to_json()
