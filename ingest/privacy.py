"""Raw tokens never get past the decoder: each is replaced by its keyed hash before anything is stored or logged.

A token is recognised by shape (JWS or JWE compact serialisation) or by the prefix its issuer gives its secrets. Access
key *ids* such as AKIA… are names, not secrets, and stay.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ingest.hashing import HashKey
from ingest.kernels.cells import Bytes, Ints
from ingest.kernels.marks import STEM_BYTES, find_marks
from schemas.errors import ConfigError

HASH_KEY_VARIABLE: Final = "TOKENTRAIL_HASH_KEY"
PREVIOUS_KEY_VARIABLE: Final = "TOKENTRAIL_HASH_KEY_PREVIOUS"
MIN_KEY_BYTES: Final = 16
_MAKE_KEY: Final = "make a key with `openssl rand -hex 32`"

_JWS_PARTS: Final = 3
_SEGMENT: Final = re.compile(rb"[A-Za-z0-9_-]*+")
_JOSE: Final = re.compile(
    rb"([A-Za-z0-9_-]{10,}+)\.[A-Za-z0-9_-]*+\.[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]*+\.[A-Za-z0-9_-]*+)?"
)
_SECRET: Final = re.compile(
    rb"gh[opsur]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}|glpat-[A-Za-z0-9_-]{20,255}"
    rb"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|[rs]k_live_[A-Za-z0-9]{10,255}|hv[bsr]\.[A-Za-z0-9_-]{20,255}"
)
_SECRET_STEMS: Final = (b"gh", b"github_pat_", b"glpat-", b"xox", b"k_live_", b"hv")
_MARKS: Final = (
    b"eyJ",
    b"gho_",
    b"ghp_",
    b"ghs_",
    b"ghu_",
    b"ghr_",
    b"github_pat_",
    b"glpat-",
    b"sk_live_",
    b"rk_live_",
    b"xox",
    b"hvb.",
    b"hvr.",
    b"hvs.",
    *(b"\\u00%c" % digit for digit in b"234567"),
)
"""Every token starts with one of these, or with an escape that could spell one."""
_ESCAPED_ASCII: Final = re.compile(rb"\\(?:u00([2-7][0-9A-Fa-f])|.)", re.DOTALL)
_TOKEN_BYTES: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")


@dataclass(frozen=True)
class Secrets:
    """The keys of all hashes: one current, and the previous one while rotating.

    Raises:
        ConfigError: a key is shorter than 16 bytes, or both have one version.
    """

    key: bytes = field(repr=False)
    version: int = 1
    previous: tuple[int, bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse keys that could be guessed."""
        keys = [self.key, *([self.previous[1]] if self.previous else [])]
        if any(len(key) < MIN_KEY_BYTES for key in keys):
            raise ConfigError(f"shorter than {MIN_KEY_BYTES} bytes", place="hash key", next_step=_MAKE_KEY)
        if self.previous and self.previous[0] == self.version:
            raise ConfigError(
                f"has the version of the current one ({self.version})",
                place=PREVIOUS_KEY_VARIABLE,
                next_step=f"write {HASH_KEY_VARIABLE} as {self.version + 1}:<hex>",
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Secrets:
        """Read `TOKENTRAIL_HASH_KEY` (`<version>:<hex>`, or hex for version 1) and `TOKENTRAIL_HASH_KEY_PREVIOUS`.

        Raises:
            ConfigError: the key is absent or malformed; the message never shows it.
        """
        text = environment.get(HASH_KEY_VARIABLE, "")
        if not text:
            raise ConfigError("is not set", place=HASH_KEY_VARIABLE, next_step=_MAKE_KEY)
        version, key = _read_key(HASH_KEY_VARIABLE, text)
        old = environment.get(PREVIOUS_KEY_VARIABLE, "")
        return cls(key, version, _read_key(PREVIOUS_KEY_VARIABLE, old) if old else None)

    def hash_token(self, raw: str | bytes) -> str:
        """Give what a raw token is replaced by: `h<key version>:<HMAC-SHA256 in hex>`."""
        return _hash(self.version, self.key, raw)

    def all_hashes(self, raw: str | bytes) -> list[str]:
        """Hashes of a token under the current and the previous key, to search for a leaked one."""
        return [self.hash_token(raw), *([_hash(*self.previous, raw)] if self.previous else [])]

    def column_key(self, purpose: str) -> HashKey:
        """Derive the key of one kind of column hashes."""
        return HashKey.of(hmac.digest(self.key, f"tokentrail column {purpose}".encode(), "sha256"))


def _read_key(variable: str, text: str) -> tuple[int, bytes]:
    version, _, digits = text.strip().rpartition(":")
    try:
        return int(version or 1), bytes.fromhex(digits)
    except ValueError:
        raise ConfigError("is no key", place=variable, next_step="write <version>:<hex>, or hex alone") from None


def _hash(version: int, key: bytes, raw: str | bytes) -> str:
    data = raw.encode() if isinstance(raw, str) else raw
    return f"h{version}:{hmac.new(key, data, hashlib.sha256).hexdigest()}"


def redact(value: bytes, secrets: Secrets) -> bytes:
    """Replace every raw token in a text, JSON or not. Equal bytes come back where there is none.

    Safe inside JSON: a token holds no character that JSON escapes, and escaped spellings of such characters are
    resolved first. Linear in the size of the text, whatever it holds.
    """
    plain = _ESCAPED_ASCII.sub(_unescaped, value) if b"\\u00" in value else value
    cleaned = _without_jose(plain, secrets)
    if any(stem in cleaned for stem in _SECRET_STEMS):
        cleaned = _SECRET.sub(lambda match: secrets.hash_token(match[0]).encode(), cleaned)
    return value if cleaned == plain else cleaned


def redact_bytes(value: bytes, secrets: Secrets) -> bytes:
    """Redact bytes that need not be text: NULs go first, as UTF-16 would hide a token between them."""
    return redact(value.replace(b"\0", b""), secrets)


def _unescaped(match: re.Match[bytes]) -> bytes:
    byte = int(match[1], 16) if match[1] else 0
    return bytes([byte]) if byte in _TOKEN_BYTES else match[0]


def _without_jose(text: bytes, secrets: Secrets) -> bytes:
    parts, done, at = [], 0, text.find(b"eyJ")
    while at >= 0:
        match = _JOSE.match(text, at)
        if match:
            token = _jose_token(match)
            parts += [text[done:at], secrets.hash_token(token).encode()]
            done = after = at + len(token)
        else:
            # A later start in the same segment has no more segments behind it than this one.
            segment = _SEGMENT.match(text, at)
            after = segment.end() if segment else len(text)
        at = text.find(b"eyJ", after)
    return b"".join([*parts, text[done:]]) if parts else text


def _jose_token(match: re.Match[bytes]) -> bytes:
    """A JWE has five parts and says so in its header; anything else of that shape is a JWS before other text."""
    if b'"enc"' in _header(match[1]):
        return match[0]
    return b".".join(match[0].split(b".")[:_JWS_PARTS])


def _header(segment: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except binascii.Error:
        return b""


def suspects(data: Bytes, starts: Ints, ends: Ints) -> list[int]:
    """Find the records that may hold a raw token; the rest is clean. Each record is followed by a NUL."""
    rows = np.empty(len(starts), np.int64)
    count = find_marks(data, starts, ends, _STEMS, _MARK_OFFSETS, _MARK_BYTES, rows)
    return [int(row) for row in rows[:count]]


_MARK_OFFSETS: Final = np.cumsum([0, *map(len, _MARKS)])
_MARK_BYTES: Final = np.frombuffer(b"".join(_MARKS), np.uint8)
_STEMS: Final = np.array(sorted({tuple(mark[:STEM_BYTES].ljust(STEM_BYTES, b"\0")) for mark in _MARKS}), np.uint8)
