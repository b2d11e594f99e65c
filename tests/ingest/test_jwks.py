from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest

from ingest import jwks
from ingest.jwks import MAX_BYTES, MAX_KEYS, check_url, fetch, read_file, read_jwks
from schemas.errors import SourceError
from schemas.inventory import ListedKey

MODULUS = base64.urlsafe_b64encode(bytes([0x80, *range(255)])).rstrip(b"=").decode()
RSA = {"kty": "RSA", "kid": "r1", "use": "sig", "alg": "RS256", "n": MODULUS, "e": "AQAB"}
CURVE = {"kty": "EC", "kid": "e1", "crv": "P-256", "x": "AA", "y": "AA"}


def document(*keys: object) -> bytes:
    return orjson.dumps({"keys": keys})


def test_keys_are_read_without_their_material() -> None:
    assert read_jwks(document(RSA, CURVE | {"d": "secret"}), "x") == (
        ListedKey(kid="e1", kty="EC", bits=256),
        ListedKey(kid="r1", kty="RSA", use="sig", alg="RS256", bits=2048),
    )


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {"kty": "RSA"},
        {"kid": "k"},
        {"kid": 7, "kty": "RSA"},
        {"kid": "", "kty": "RSA"},
        {"kid": "k" * 257, "kty": "RSA"},
        {"kid": "k", "kty": ["RSA"]},
        {"kid": "k", "kty": "\u202eASR"},
    ],
)
def test_what_is_no_key_with_an_id_is_ignored(entry: object) -> None:
    assert [key.kid for key in read_jwks(document(entry, RSA), "x")] == ["r1"]


@pytest.mark.parametrize(
    "fields", [{"n": "§"}, {"n": 5}, {"n": ""}, {"n": "A"}, {"crv": []}, {"alg": "x" * 65}, {"use": 1}]
)
def test_odd_members_are_unknown(fields: dict[str, object]) -> None:
    (key,) = read_jwks(document({"kid": "k", "kty": "RSA"} | fields), "x")
    assert (key.bits, key.alg, key.use) == (None, None, None)


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    (key,) = read_jwks(document(RSA, CURVE | {"kid": "r1"}), "x")
    assert key.kty == "RSA"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no list of keys"),
        (b'{"keys": {"a": 1}}', "no list of keys"),
        (b'{"keys": []}', "no key that has an id"),
        (document(*[RSA] * (MAX_KEYS + 1)), "at most"),
    ],
)
def test_what_is_no_jwks_is_refused(content: bytes, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        read_jwks(content, "x")


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_bytes(document(RSA))
    assert len(read_file(tmp_path / "jwks.json")) == 1


def test_a_file_that_is_missing_or_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(tmp_path / "none.json")
    (tmp_path / "long.json").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(SourceError, match="longer than"):
        read_file(tmp_path / "long.json")


@pytest.mark.parametrize(
    "url",
    [
        "http://id.acme/jwks",
        "file:///etc/passwd",
        "ftp://id.acme/jwks",
        "https://user:pass@id.acme/jwks",
        "https:///jwks",
        "id.acme/jwks",
        "http://127.0.0.1.evil.example/",
        "https://[",
    ],
)
def test_a_url_that_others_could_answer_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be https|is no URL|Invalid IPv6"):
        check_url(url)


def test_https_and_this_machine_may_be_asked() -> None:
    assert check_url("https://id.acme/jwks") == "https://id.acme/jwks"
    assert check_url("http://127.0.0.1:8080/jwks") == "http://127.0.0.1:8080/jwks"


class _Issuer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, body = {
            "/jwks": (200, {}, document(RSA)),
            "/moved": (302, {"Location": "/jwks"}, b""),
            "/gone": (404, {}, document(RSA)),
            "/long": (200, {}, b" " * (MAX_BYTES + 1)),
            "/cut": (200, {"Content-Length": "1000"}, document(RSA)[:-1]),
        }[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def issuer() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Issuer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_jwks_is_fetched() -> None:
    with issuer() as url:
        assert [key.kid for key in fetch(f"{url}/jwks")] == ["r1"]


@pytest.mark.parametrize(
    ("path", "what"), [("moved", "302"), ("gone", "404"), ("long", "longer than"), ("cut", "no JSON")]
)
def test_any_other_answer_is_refused(path: str, what: str) -> None:
    with issuer() as url, pytest.raises(SourceError, match=what):
        fetch(f"{url}/{path}")


def test_nobody_answers() -> None:
    with issuer() as url:
        pass
    with pytest.raises(SourceError, match="cannot be fetched"):
        fetch(f"{url}/jwks")


def test_an_answer_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "ANSWER_SECONDS", -1.0)
    with pytest.raises(SourceError, match="takes longer"):
        jwks._bounded(io.BytesIO(b"x"), "x")
