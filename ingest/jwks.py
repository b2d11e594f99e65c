"""Reads the keys that an issuer publishes (RFC 7517) from a file or over HTTPS. Whatever comes is taken for hostile."""

from __future__ import annotations

import base64
import binascii
import http.client
import time
import urllib.request
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson

from schemas.errors import SourceError
from schemas.fields import MAX_ID_BYTES
from schemas.inventory import ListedKey

MAX_BYTES: Final = 1 << 20
MAX_KEYS: Final = 1_000
ANSWER_SECONDS: Final = 10.0
"""For the whole answer: a server that gives a byte now and then does not hold us."""
_CHUNK_BYTES: Final = 1 << 14
_MAX_WORD: Final = 64
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_CURVE_BITS: Final = {"P-256": 256, "P-384": 384, "P-521": 521, "secp256k1": 256, "Ed25519": 256, "Ed448": 456}


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def check_url(url: str) -> str:
    """Give back a URL that may be fetched. Raises ValueError for anything but https, or http on this machine."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("is no URL of a host, without user and password")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must be https: else others can read and change what goes between")
    return url


def fetch(url: str) -> tuple[ListedKey, ...]:
    """Fetch a JWKS; redirects are not followed.

    Raises:
        SourceError: no answer in time, not 200, too long, or no JWKS.
    """
    request = urllib.request.Request(check_url(url), headers={"Accept": "application/json"})  # noqa: S310 - checked
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=ANSWER_SECONDS) as answer:
            content = _bounded(answer, url)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise SourceError(f"cannot be fetched: {error}", place=url, next_step="check the address") from error
    return read_jwks(content, url)


def read_file(path: Path) -> tuple[ListedKey, ...]:
    """Read a JWKS from a file.

    Raises:
        SourceError: it cannot be read, is too long, or no JWKS.
    """
    try:
        with path.open("rb") as file:
            content = _bounded(file, str(path))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", place=str(path), next_step="check the path") from error
    return read_jwks(content, str(path))


def read_jwks(content: bytes, place: str) -> tuple[ListedKey, ...]:
    """Read the keys of a JWKS that have an id; what RFC 7517 section 5 says to ignore is ignored.

    Raises:
        SourceError: it is no JWKS, or names no key: then something is broken, and no key was withdrawn.
    """
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"is no JSON: {error}", place=place) from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise SourceError("is no JWKS: there is no list of keys", place=place)
    if len(entries) > MAX_KEYS:
        raise SourceError(f"lists {len(entries)} keys, at most {MAX_KEYS} are read", place=place)
    keys = {key.kid: key for entry in reversed(entries) if (key := _key(entry)) is not None}
    if not keys:
        raise SourceError("lists no key that has an id", place=place)
    return tuple(sorted(keys.values(), key=lambda key: key.kid))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Refuse: the answer then counts as an error."""


def _bounded(source: _Readable, place: str) -> bytes:
    end = time.monotonic() + ANSWER_SECONDS
    content = bytearray()
    while chunk := source.read1(_CHUNK_BYTES):
        content += chunk
        if len(content) > MAX_BYTES:
            raise SourceError(f"is longer than {MAX_BYTES} bytes", place=place)
        if time.monotonic() > end:
            raise SourceError(f"takes longer than {ANSWER_SECONDS:g} seconds", place=place)
    return bytes(content)


def _key(entry: object) -> ListedKey | None:
    if not isinstance(entry, dict):
        return None
    kid, kty = entry.get("kid"), _word(entry.get("kty"))
    if not isinstance(kid, str) or kty is None or not 0 < len(kid.encode()) <= MAX_ID_BYTES:
        return None
    return ListedKey(kid=kid, kty=kty, use=_word(entry.get("use")), alg=_word(entry.get("alg")), bits=_bits(entry))


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_WORD and value.isprintable() else None


def _bits(entry: dict[str, Any]) -> int | None:
    modulus, curve = entry.get("n"), entry.get("crv")
    if isinstance(curve, str):
        return _CURVE_BITS.get(curve)
    if not isinstance(modulus, str):
        return None
    try:
        number = base64.b64decode(modulus + "=" * (-len(modulus) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return int.from_bytes(number).bit_length() or None
