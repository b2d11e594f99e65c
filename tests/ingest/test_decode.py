"""What the decoder does with whole records: envelopes, refusals, counts, order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from ingest.decode import Decoded, Decoder
from ingest.envelopes import bare
from ingest.privacy import Secrets
from ingest.records import DeadLetter, DeadReason, Headers, RawRecords
from schemas.fields import MAX_RECORD_BYTES

DECODER = Decoder(Secrets(b"0123456789abcdef"))
EVENT = {"event_id": "1", "type": "issue", "time": "2026-03-01T12:00:00Z", "sub": "alice"}
RECORD = orjson.dumps(EVENT)
NOON = 1_772_366_400_000_000
MINUTE = 60_000_000


def decode(*values: bytes | None, headers: list[Headers] | None = None, times: list[int] | None = None) -> Decoded:
    raw = replace(RawRecords.of(values, origin="token.events"), headers=headers)
    return DECODER.decode(replace(raw, record_time=np.array(times)) if times else raw)


def ids(decoded: Decoded) -> list[str]:
    return list(decoded.events.text.gather(columns=["event_id"]).column(0).to_pylist())


def refusal(value: bytes) -> DeadLetter:
    (letter,) = decode(value).dead
    return letter


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (b"", DeadReason.NOT_JSON, "the record is empty"),
        (b"{", DeadReason.NOT_JSON, "line 1 column 2"),
        (RECORD + RECORD, DeadReason.NOT_JSON, "unexpected content after document"),
        (RECORD.replace(b"alice", b"\xff"), DeadReason.NOT_UTF8, "invalid start byte"),
        (b"[1]", DeadReason.INVALID, "a JSON array, not an object"),
        (b"null", DeadReason.INVALID, "a JSON null, not an object"),
        (b"{}", DeadReason.INVALID, "event_id: Field required; type: Field required; time: Field required"),
        (RECORD.replace(b"issue", b"renew"), DeadReason.UNKNOWN_TYPE, "type: Input should be 'issue', 'refresh'"),
        (RECORD.replace(b'"issue"', b"7"), DeadReason.INVALID, "type: "),
        (
            RECORD.replace(b"alice", b"a" * 257),
            DeadReason.ID_TOO_LONG,
            "sub: id has 257 bytes, at most 256 are allowed",
        ),
        (RECORD.replace(b"alice", b"a\\u0000"), DeadReason.NUL, "sub: contains a NUL character"),
        (RECORD.replace(b"Z", b""), DeadReason.INVALID, "time: Value error, time must be RFC 3339 with an offset"),
        (RECORD.ljust(MAX_RECORD_BYTES + 1), DeadReason.TOO_LARGE, "more than 65536 bytes"),
        (orjson.dumps({**EVENT, "ip": "10.0.0.299", "lat": 91}), DeadReason.INVALID, "lat: Input should be less than"),
    ],
)
def test_a_refused_record_says_why(value: bytes, reason: DeadReason, detail: str) -> None:
    letter = refusal(value)

    assert letter.reason is reason
    assert detail in letter.detail
    assert (letter.value or b"") == bare(value)[:MAX_RECORD_BYTES]


def test_a_record_of_exactly_64_kib_is_read() -> None:
    assert ids(decode(RECORD.ljust(MAX_RECORD_BYTES))) == ["1"]


def test_a_bad_record_costs_only_itself() -> None:
    records = [orjson.dumps({**EVENT, "event_id": str(number)}) for number in range(40_000)]
    bad = {0: b"{", 7: b"}{", 16_383: None, 16_384: b"[]", 39_999: RECORD[:-1]}
    values = [bad.get(row, value) for row, value in enumerate(records)]

    decoded = decode(*values)

    assert ids(decoded) == [str(row) for row in range(40_000) if row not in bad]
    assert list(decoded.source_row) == [row for row in range(40_000) if row not in bad]
    assert [letter.offset for letter in decoded.dead] == [row + 1 for row in bad if bad[row] is not None]
    assert decoded.skipped == {"tombstone": 1}


def test_nothing_in_nothing_out() -> None:
    decoded = decode()

    assert len(decoded.events) == len(decoded.source_row) == len(decoded.dead) == 0
    assert decoded.events["time"].dtype == np.int64


def test_the_order_of_records_is_kept_whatever_path_each_takes() -> None:
    odd = [orjson.dumps({**EVENT, "event_id": str(n), "seq": 3.0 if n % 2 else n}) for n in range(10)]

    decoded = decode(*odd)

    assert ids(decoded) == [str(n) for n in range(10)]
    assert list(decoded.events["seq"]) == [3 if n % 2 else n for n in range(10)]
    assert decoded.counters["contract"] == 5


class TestEnvelopes:
    def test_confluent_prefix_and_byte_order_mark_are_taken_off(self) -> None:
        assert ids(decode(b"\0\0\0\0\x07" + RECORD, RECORD, b"\xef\xbb\xbf" + RECORD)) == ["1", "1", "1"]

    def test_structured_cloudevent(self) -> None:
        inner = {"type": "issue", "time": "2026-03-01T12:00:00Z", "sub": "alice"}
        envelope = {
            "specversion": "1.0",
            "id": "ce-1",
            "source": "/idp",
            "type": "com.example.token.issue",
            "data": inner,
        }

        decoded = decode(RECORD, orjson.dumps(envelope), RECORD)

        assert ids(decoded) == ["1", "ce-1", "1"]
        assert decoded.events.text.gather(columns=["source"]).column(0).to_pylist() == [None, "/idp", None]
        assert "unknown-field" not in decoded.counters

    def test_the_envelope_stands_in_for_what_the_event_lacks(self) -> None:
        time = "2026-03-01T12:00:00Z"
        envelope = {"specversion": "1.0", "id": "ce", "source": "s", "type": "token.refresh", "time": time, "data": {}}

        decoded = decode(orjson.dumps(envelope))

        assert ids(decoded) == ["ce"]
        assert decoded.events["time"][0] == NOON

    def test_binary_cloudevent(self) -> None:
        headers = [("ce_specversion", b"1.0"), ("ce_id", b"ce-1"), ("ce_type", b"token.issue"), ("ce_source", b"/idp")]
        body = orjson.dumps({"time": "2026-03-01T12:00:00Z", "event_id": "own"})

        decoded = decode(
            body.replace(b',"event_id":"own"', b""), body, RECORD, b"{", headers=[headers, headers, [], headers]
        )

        assert ids(decoded) == ["ce-1", "own", "1"]
        assert [letter.reason for letter in decoded.dead] == [DeadReason.NOT_JSON]

    def test_a_refused_cloudevent_is_kept_as_it_came(self) -> None:
        value = orjson.dumps({"specversion": "1.0", "id": "1", "source": "s", "type": "x.renew", "data": {"time": 1}})

        letter = refusal(value)

        assert letter.reason is DeadReason.UNKNOWN_TYPE
        assert letter.value == value

    @pytest.mark.parametrize("data", [None, 7, "text", []])
    def test_an_envelope_without_an_object_is_read_as_an_event(self, data: object) -> None:
        assert ids(decode(orjson.dumps({**EVENT, "specversion": "1.0", "data": data}))) == ["1"]


class TestTime:
    def test_an_event_may_lead_the_broker_by_five_minutes(self) -> None:
        decoded = decode(RECORD, RECORD, RECORD, times=[NOON - 5 * MINUTE, NOON - 5 * MINUTE - 1, NOON + 1])

        assert list(decoded.source_row) == [0, 2]
        (letter,) = decoded.dead
        assert letter.reason is DeadReason.FUTURE_TIME
        assert letter.detail.startswith("time: 2026-03-01T12:00:00.000Z is over 5 minutes after")
        assert letter.record_time == NOON - 5 * MINUTE - 1

    def test_a_file_has_no_broker(self) -> None:
        assert ids(decode(RECORD.replace(b"2026", b"2190"))) == ["1"]


class TestCounts:
    def test_unknown_fields_and_words(self) -> None:
        decoded = decode(
            orjson.dumps({**EVENT, "colour": 1, "mood": [], "alg": "none", "grant_type": "magic"}),
            orjson.dumps({**EVENT, "colour": 2, "ip_role": "proxy", "seq": 1.0}),
        )

        assert decoded.counters["unknown-field"] == 3
        assert decoded.unknown_fields == {"colour", "mood"}
        assert decoded.counters["unknown-word:grant_type"] == 1
        assert decoded.counters["unknown-word:ip_role"] == 1

    def test_a_client_that_acts_for_itself_is_a_service(self) -> None:
        events = [
            {"sub": "app", "client_id": "app"},
            {"grant_type": "client_credentials"},
            {"sub": "a", "client_id": "b"},
        ]

        frame = decode(*(orjson.dumps({**EVENT, **event}) for event in events)).events.to_pandas()

        assert frame["sub_type"].astype(object).where(frame["sub_type"].notna(), None).to_list() == ["service"] * 2 + [
            None
        ]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="one of auto, native, cloudtrail"):
        Decoder(Secrets(b"0123456789abcdef"), "syslog")


@pytest.mark.parametrize("record_format", ["auto", "native"])
def test_a_record_that_is_nested_too_deep_to_be_written_again_is_a_dead_letter(record_format: str) -> None:
    deep = b'{"specversion":"1.0","data":{"event_id":' + b"[" * 600 + b"]" * 600 + b"}}"

    decoded = Decoder(Secrets(b"0123456789abcdef"), record_format).decode(RawRecords.of([deep]))

    assert len(decoded.dead) == 1
