"""No raw token gets past the decoder, whatever hides it; what only looks a little like one stays."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import Decoder
from ingest.payloads import Payloads
from ingest.privacy import Secrets, redact
from ingest.records import RawRecords
from schemas.errors import ConfigError

KEY = b"0123456789abcdef"
SECRETS = Secrets(KEY, version=3)
DECODER = Decoder(SECRETS)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


JWS = f"{part({'alg': 'RS256'})}.{part({'sub': 'alice', 'exp': 1})}.c2lnbmF0dXJl"
UNSIGNED = f"{part({'alg': 'none'})}.{part({'sub': 'alice'})}."
JWE = f"{part({'alg': 'dir', 'enc': 'A256GCM'})}..aXY.Y2lwaGVy.dGFn"
SECRETS_SEEN = [
    JWS,
    UNSIGNED,
    JWE,
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "11ABCDEFG0" * 4,
    "glpat-" + "x-Y_z" * 5,
    "hvs." + "CAES_-" * 15,
    "hvb." + "AAAA-_" * 20,
    "xoxb-" + "123456789012-abcdef",
    "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
]


def event(**fields: object) -> bytes:
    return orjson.dumps({"event_id": "1", "type": "issue", "time": 1, **fields})


@pytest.mark.parametrize("token", SECRETS_SEEN)
@pytest.mark.parametrize("around", ["{}", "Bearer {}", "https://x.example/cb?t={}&a=1", "Bearer%20{}", "({})", "_{}"])
def test_a_token_is_replaced_by_its_hash(token: str, around: str) -> None:
    decoded = DECODER.decode(RawRecords.of([event(user_agent=around.format(token)), event()]))

    text = decoded.events.text.gather(columns=["user_agent"]).column(0)[0].as_py()
    assert text == around.format(SECRETS.hash_token(token))
    assert list(decoded.events["leaked"]) == [True, False]
    assert decoded.counters["token-leaked"] == 1


def test_the_hash_is_a_keyed_one_and_names_its_key() -> None:
    assert SECRETS.hash_token(JWS) == "h3:" + hmac.new(KEY, JWS.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("token", SECRETS_SEEN)
def test_escapes_do_not_hide_a_token(token: str) -> None:
    spelled = "".join(f"\\u{ord(letter):04x}" if at % 2 else letter for at, letter in enumerate(token))
    record = event(user_agent="@").replace(b"@", spelled.encode())

    decoded = DECODER.decode(RawRecords.of([record]))

    assert decoded.events["leaked"].all()
    assert decoded.events.text.gather(columns=["user_agent"]).column(0)[0].as_py() == SECRETS.hash_token(token)


@pytest.mark.parametrize(
    "value",
    [
        b"not json " + JWS.encode(),
        event(time="yesterday", user_agent=JWS),
        event(unknown={"deep": [JWS]}, type="x"),
        JWS.encode("utf-16-le"),
        JWS.encode("utf-16"),
        b"\xff" + JWS.encode(),
        b"{" + JWS.encode() * 400,
    ],
)
def test_a_dead_letter_holds_no_token(value: bytes) -> None:
    raw = RawRecords.of([value])
    raw = RawRecords(
        raw.values,
        "t",
        raw.offsets,
        raw.partition,
        raw.record_time,
        Payloads.of([JWS.encode()]),
        [[("h", JWS.encode())]],
    )

    (letter,) = DECODER.decode(raw).dead

    written = letter.to_json() + b"".join(text for _, text in letter.connect_headers())
    assert JWS[:24].encode() not in written
    assert SECRETS.hash_token(JWS).encode() in written


@pytest.mark.parametrize(
    "text",
    ["eyJ", "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9.e30", "eyJ.a.b", "honeyJar.tar.gz", "AKIAIOSFODNN7EXAMPLE"]
    + ["ghp_short", "h1:0a1b", "www.example.com", "\\\\u0065yJ", "task_live_now"],
)
def test_what_is_no_token_stays(text: str) -> None:
    assert redact(text.encode(), SECRETS) == text.encode()


def test_of_five_parts_only_an_encrypted_token_takes_all() -> None:
    assert redact(f"{JWS}.example.com".encode(), SECRETS) == f"{SECRETS.hash_token(JWS)}.example.com".encode()


@settings(max_examples=300)
@given(st.lists(st.sampled_from([JWS, JWE, "ghp_" + "a" * 36, ".", "eyJ", "\\", "\\u0065yJ", " ", "x", '"', "-", "é"])))
def test_redacting_twice_is_redacting_once(parts: list[str]) -> None:
    once = redact("".join(parts).encode(), SECRETS)

    assert redact(once, SECRETS) == once


@pytest.mark.parametrize(
    "unit", [b"eyJ", b"eyJ.", b"eyJaaaaaaaa", b"eyJaaaaaaaa.", b"ghp_", b"xoxb-", b"a", b"\\u0065", b"."]
)
def test_a_hostile_megabyte_is_no_work(unit: bytes) -> None:
    """A search that looked at every start again would take longer than a test may."""
    text = unit * ((1 << 20) // len(unit))

    assert redact(text, SECRETS) in {text, redact(redact(text, SECRETS), SECRETS)}


class TestKeys:
    def test_come_from_the_environment(self) -> None:
        environment = {"TOKENTRAIL_HASH_KEY": f"2:{KEY.hex()}", "TOKENTRAIL_HASH_KEY_PREVIOUS": "00" * 16}

        secrets = Secrets.from_environment(environment)

        assert (secrets.version, secrets.key, secrets.previous) == (2, KEY, (1, bytes(16)))
        assert secrets.all_hashes("t") == [Secrets(KEY, 2).hash_token("t"), Secrets(bytes(16), 1).hash_token("t")]

    @pytest.mark.parametrize(
        ("environment", "message"),
        [
            ({}, "TOKENTRAIL_HASH_KEY: is not set; make a key"),
            ({"TOKENTRAIL_HASH_KEY": "00" * 15}, "shorter than 16 bytes; make a key"),
            ({"TOKENTRAIL_HASH_KEY": "secret!"}, "TOKENTRAIL_HASH_KEY: is no key; write <version>:<hex>"),
            ({"TOKENTRAIL_HASH_KEY": "x:" + "00" * 16}, "is no key; write <version>:<hex>"),
            ({"TOKENTRAIL_HASH_KEY": "00" * 16, "TOKENTRAIL_HASH_KEY_PREVIOUS": "zz"}, "KEY_PREVIOUS: is no key"),
            (
                {"TOKENTRAIL_HASH_KEY": "00" * 16, "TOKENTRAIL_HASH_KEY_PREVIOUS": "11" * 16},
                "KEY_PREVIOUS: has the version",
            ),
        ],
    )
    def test_that_are_of_no_use_are_refused(self, environment: dict[str, str], message: str) -> None:
        with pytest.raises(ConfigError, match=message) as refusal:
            Secrets.from_environment(environment)

        assert "secret!" not in str(refusal.value)

    def test_are_never_shown(self) -> None:
        assert KEY.hex() not in repr(SECRETS)
        assert repr(KEY) not in repr(SECRETS)
