"""Both paths of the decoder accept the same records and give the same events: those of the contract."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.contract import validate
from ingest.decode import Decoded, Decoder
from ingest.envelopes import bare
from ingest.privacy import Secrets
from ingest.records import RawRecords
from schemas.columns import COLUMNS, LIST_FIELDS, MARKERS, NULL_TIME, TEXT_FIELDS
from schemas.events import TokenEvent
from schemas.fields import MAX_RECORD_BYTES, Code, Country, Flags, Number, Time, pack_country
from schemas.vocabulary import EventType, codes

DECODER = Decoder(Secrets(b"0123456789abcdef"))

odd_text = st.one_of(
    st.sampled_from(
        [
            "",
            "-",
            " - ",
            "NULL",
            "None",
            "n/a",
            "Not Available",
            "un\u212anown",
            "\u00a0-\u2003",
            "\u3000",
            "anonymou\u017f",
        ]
        + ["a\0b", "\u0001", "é", "ñ" * 300, "\U0001f600", '"', "\\", "a\nb", "}{", "\u2028", "x" * 256, "x" * 257]
        + ["y" * 1024, "y" * 1025, "ü" * 1024, "ü" * 1025, "Mozilla/5.0 (X11) 🦊", " padded ", "a b  c", "\u0085x"]
    ),
    st.text(max_size=12),
    st.text(st.characters(codec="ascii"), max_size=20),
)
times = st.one_of(
    st.sampled_from(
        ["2026-01-31T12:00:00Z", "2026-02-29T12:00:00Z", "2024-02-29T23:59:59.999999999Z", "2026-01-31 12:00:00+05:30"]
        + ["2026-01-31t12:00:00.1z", "2026-01-31T12:00:00,5-0800", "2026-01-31T12:00:00", "2026-01-31T12:00:60Z"]
        + ["2026-01-31T24:00:00Z", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:00"]
        + ["1969-12-31T23:59:59-00:02", "2199-12-31T23:59:59.9999999Z", "2200-01-01T00:00:00Z", "0000-00-00T00:00:00Z"]
        + ["2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00+05:99", "٢٠٢٦-01-31T12:00:00Z"]
        + ["2026-01-31T12:00:00.1234567890Z", "0001-01-01T00:00:00+23:59", "2026-01-31T12:00:00Zjunk", ""]
    ),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.integers(-(2**70), 2**70),
    st.integers(1_600_000_000, 1_900_000_000),
    st.integers(99_999_999_000, 100_000_001_000),
    st.floats(),
    st.floats(1.6e9, 1.9e9),
    st.floats(1.6e12, 1.9e12).map(lambda value: round(value, 3)),
    st.sampled_from([1790000000.123456, 1.79e9, 0, 0.0, -0.0, 253402300800, 7258118400.0, 7258118399.999999, 1e11]),
)
numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64, 10**25, -(2**63)]),
    st.sampled_from([3.0, 3.5, 90, 90.0, 90.0000000001, -180, 180.0, 1e-7, 1e300, 5e-324, 0.1234567890123456789]),
    st.floats(),
    st.floats(-180, 180),
    st.floats(0, 1),
    st.booleans(),
    st.sampled_from(["3", "3.0", " 4 ", "NaN", "true", "off", "0x1"]),
)
lists = st.one_of(
    odd_text,
    st.lists(odd_text, max_size=6),
    st.lists(st.one_of(odd_text, numbers, st.none()), max_size=3),
    st.sampled_from(
        [["a"] * 5, ["a"] * 256, ["a"] * 257, " ".join("b" * 256), " ".join("b" * 257), "a\tb", "a\u2003b"]
    ),
)
addresses = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda ip: ip.exploded.upper()),
    st.sampled_from(
        ["10.0.0.1", "10.0.0.01", "10.0.0.256", "10.0.0", "10.0.0.1.", "1.2.3.4.5", "::ffff:10.0.0.1", "fe80::1%eth0"]
        + [
            "2001:db8::1",
            "2001:DB8:0:0:0:0:0:1",
            "::",
            "::1.2.3.4",
            "١.1.1.1",
            " 10.0.0.1",
            "localhost",
            "-",
            "1.2.3.4/8",
        ]
    ),
)
anything = st.one_of(
    st.none(), odd_text, numbers, st.lists(numbers, max_size=2), st.dictionaries(odd_text, numbers, max_size=2)
)


def plain_values_of(name: str) -> st.SearchStrategy[Any]:
    """What an ordinary source writes."""
    if name in LIST_FIELDS:
        return st.sampled_from(["api://orders", "read write", ["a"], ["read", "write"], [], None, ["ü"], ["a b", ""]])
    if name in ("ip", "country"):
        return st.sampled_from(["10.0.0.1", "2001:db8::1", None, "-"] if name == "ip" else ["DE", "US", None, ""])
    match MARKERS[name]:
        case Time():
            return st.sampled_from(
                ["2026-01-31T12:00:00.123456Z", "2026-01-31T13:00:00+01:00", 1790000000, 1.79e9, None]
            )
        case Number(dtype=dtype):
            return st.sampled_from(
                [None, True, False] if dtype == "int8" else [1, 0.5, 1.0] if "f" in dtype else [1, 7]
            )
        case Code(vocabulary=vocabulary, closed=closed):
            return st.sampled_from([*codes(vocabulary), *([] if closed else ["strange", "-", None])])
        case Flags(vocabulary=vocabulary):
            return st.sampled_from([[word] for word in codes(vocabulary)] + [[], None, next(iter(codes(vocabulary)))])
    return st.sampled_from(["user-1", "Zoë", "a/b", "x" * 200, "tab\t", "-", "Unknown", "…", '"quoted"'])


def values_of(name: str) -> st.SearchStrategy[Any]:
    match MARKERS[name]:
        case Time():
            likely = times
        case Number():
            likely = numbers
        case Code(vocabulary=vocabulary):
            words = [
                *codes(vocabulary),
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "other",
                "OTHER",
                "urn:",
                "urn:x:-",
            ]
            likely = st.sampled_from(words) | odd_text
        case Flags(vocabulary=vocabulary):
            word = st.sampled_from([*codes(vocabulary), "strange", "-"])
            likely = word | st.lists(word, max_size=4) | lists
        case Country():
            likely = st.sampled_from(["DE", "US", "de", "D", "DEU", "D\n", "Ü!", "N/A", ""]) | odd_text
        case _:
            likely = lists if name in LIST_FIELDS else addresses if name == "ip" else odd_text
    return st.one_of(likely, likely, likely, anything)


required = st.fixed_dictionaries(
    {
        "event_id": st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=8),
        "type": st.sampled_from([kind.value for kind in EventType]),
        "time": st.integers(1_600_000_000, 1_900_000_000) | st.just("2026-01-31T12:00:00Z"),
    }
)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    record = draw(required)
    for name in draw(st.lists(st.sampled_from(list(MARKERS)), max_size=8)):
        record[name] = draw(plain_values_of(name))
    for name in draw(st.lists(st.sampled_from(list(MARKERS)), max_size=2)):
        record[name] = draw(values_of(name))
    if draw(st.integers(0, 3)) == 0:
        record[draw(odd_text)] = draw(anything)
    return record


def spaced(text: str) -> str:
    return "\t " + text.replace('":', '" : ').replace(',"', ' ,\n"') + "\r\n"


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    record = draw(objects())
    text = json.dumps(record, ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 5)) == 0:
        twice = json.dumps(draw(objects()))
        text = "{" + text[1:-1] + "," + twice[1:]
    payload = text.encode("utf-8", "surrogatepass")
    match draw(st.integers(0, 16)):
        case 0:
            payload = payload[: draw(st.integers(0, len(payload)))]
        case 1:
            at = draw(st.integers(0, len(payload) - 1))
            payload = payload[:at] + draw(st.binary(min_size=1, max_size=2)) + payload[at + 1 :]
        case 2:
            payload = b"\xef\xbb\xbf" + payload
        case 3:
            payload = b"\0\0\0\0\x07" + payload
        case 4:
            payload = spaced(text).encode("utf-8", "surrogatepass")
        case 5:
            payload = payload + draw(st.sampled_from([b"{}", b"\n{}", b"}", b",", b"\0", b" x"]))
        case 6:
            payload = draw(st.binary(max_size=12))
    return payload


def contract(payload: bytes) -> TokenEvent | None:
    if len(payload) > MAX_RECORD_BYTES:
        return None
    try:
        return TokenEvent.model_validate(orjson.loads(bare(payload)))
    except (orjson.JSONDecodeError, ValidationError):
        return None


def value_of(decoded: Decoded, row: int, name: str) -> object:
    """The value of a field as the contract would give it, read back from the columns."""
    marker = MARKERS[name]
    if name in TEXT_FIELDS:
        return decoded.events.text.gather(np.array([row]), [name]).column(0)[0].as_py()
    value = decoded.events[name][row]
    match marker:
        case Time():
            return None if value == NULL_TIME else int(value)
        case Code(vocabulary=vocabulary):
            return None if value < 0 else list(vocabulary)[value]
        case Flags(vocabulary=vocabulary):
            return {word for bit, word in enumerate(vocabulary) if value >> bit & 1}
    return value


def expected_of(event: TokenEvent, name: str) -> object:
    value = getattr(event, name)
    match MARKERS[name]:
        case Flags():
            return set(value or [])
        case Number(null=null):
            nowhere = name in ("lat", "lon") and event.lat == 0 and event.lon == 0
            return null if value is None or nowhere else value
        case Code() if name == "sub_type" and value is None:
            alone = event.sub is not None and event.sub == event.client_id
            return "service" if alone or event.grant_type == "client_credentials" else None
    return value


def assert_same(decoded: Decoded, row: int, event: TokenEvent) -> None:
    for name in MARKERS:
        got, want = value_of(decoded, row, name), expected_of(event, name)
        same = got == want or (isinstance(want, float) and math.isnan(want) and math.isnan(got))  # type: ignore[arg-type]
        assert same, f"{name}: {got!r} is not {want!r}"
    if event.country is not None:
        assert decoded.events["country"][row] == pack_country(event.country)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(payloads(), min_size=1, max_size=5))
@example([b'{"event_id":"\\u0061","type":"issue","time":1,"scope":["a\\/b","\\u00e9"],"x":{"y":[{},[1e5,"\\n"]]}}'])
@example([b'{"event_id":"1","type":"issue","time":1,"a":1e999}', b'{"event_id":"1","type":"issue","time":1,"a":-0}'])
@example([b'{"event_id":"1","type":"issue","time":NaN}', b'{"event_id":"1","type":"issue","time":1}{"a":1}'])
@example([b'{"event_id":"1","type":"issue","time":1}\n{"event_id":"2","type":"issue","time":1}', b"", b"[]", b"{}"])
@example([b'{"event_id":"1","type":"issue","time":1,"sub":"x","s\\u0075b":"y"}'])
@example([b'{"event_id":"1","type":"issue","time":1,"sub":"x","sub":null,"aud":["a"],"aud":"b"}'])
@example(
    [b'{"event_id":"1","type":"issue","time":1,"u":"\\ud800"}', b'{"event_id":"1","type":"issue","time":1,"u":"\xff"}']
)
@example(
    [b'{"event_id":"1","type":"issue","time":1,"\xff":0}', b'{"event_id":"1","type":"issue","time":1,"u":{"\xff":0}}']
)
def test_accepts_what_the_contract_accepts_with_its_values(records: list[bytes]) -> None:
    decoded = DECODER.decode(RawRecords.of(records))

    events = [contract(record) for record in records]

    assert list(decoded.source_row) == [row for row, event in enumerate(events) if event]
    assert sorted(letter.offset - 1 for letter in decoded.dead) == [
        row for row, event in enumerate(events) if not event
    ]
    for at, row in enumerate(decoded.source_row):
        event = events[row]
        assert event is not None
        assert_same(decoded, at, event)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(objects(), min_size=1, max_size=4))
def test_the_contracts_plain_form_gives_the_same_columns(records: list[dict[str, Any]]) -> None:
    """The one-by-one path ends in the columnar reader, so no column can depend on the path."""
    written = [json.dumps(record).encode() for record in records]
    plain = [verdict for record in written if isinstance(verdict := _validated(record), bytes)]

    one, other = DECODER.decode(RawRecords.of(written)), DECODER.decode(RawRecords.of(plain))

    assert not other.dead
    assert "contract" not in other.counters
    assert one.events.text.gather().equals(other.events.text.gather())
    for name in COLUMNS:
        np.testing.assert_array_equal(one.events[name], other.events[name], err_msg=name)


def _validated(payload: bytes) -> object:
    try:
        return validate(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return None


@pytest.mark.parametrize("depth", [10, 59, 60, 61, 500, 1023, 1025, 20_000])
@pytest.mark.parametrize("bracket", ["[]", "{}"])
def test_deep_nesting_in_an_unknown_field(depth: int, bracket: str) -> None:
    opening = '{"a":' if bracket == "{}" else "["
    nested = opening * depth + "1" + bracket[1] * depth
    record = b'{"event_id":"1","type":"issue","time":1,"deep":%s}' % nested.encode()

    decoded = DECODER.decode(RawRecords.of([record[: MAX_RECORD_BYTES + 1]]))

    assert len(decoded.events) == (contract(record) is not None)
    assert len(decoded.events) + len(decoded.dead) == 1
