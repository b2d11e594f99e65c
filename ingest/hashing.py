"""Keyed 64-bit hashes of whole string columns: SipHash-2-4 (Aumasson and Bernstein, 2012).

Keys of state are hashes, so a producer must not be able to aim at collisions: the 128-bit key is secret.
A hash is never 0, which is null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.compiled import kernel

Keys = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int32]

_U8, _U13, _U16, _U17, _U21, _U32, _U56 = (np.uint64(n) for n in (8, 13, 16, 17, 21, 32, 56))
_I0, _I1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_I2, _I3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_END = np.uint64(0xFF)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_EMPTY_KEYS: Keys = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class HashKey:
    """The 128-bit SipHash key as two little-endian words."""

    low: np.uint64
    high: np.uint64

    @classmethod
    def of(cls, secret: bytes) -> HashKey:
        """Read 16 bytes."""
        low, high = np.frombuffer(secret[:16], "<u8")
        return cls(np.uint64(low), np.uint64(high))


@kernel
def _rotate(word: np.uint64, bits: np.uint64) -> np.uint64:
    return (word << bits) | (word >> (np.uint64(64) - bits))


@kernel
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0 += v1
    v2 += v3
    v1 = _rotate(v1, _U13) ^ v0
    v3 = _rotate(v3, _U16) ^ v2
    v0 = _rotate(v0, _U32)
    v2 += v1
    v0 += v3
    v1 = _rotate(v1, _U17) ^ v2
    v3 = _rotate(v3, _U21) ^ v0
    v2 = _rotate(v2, _U32)
    return v0, v1, v2, v3


@kernel
def _absorb(
    state: tuple[np.uint64, np.uint64, np.uint64, np.uint64], word: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ word, v1, v2, v3


@kernel
def load_word(data: Bytes, at: int) -> np.uint64:
    """Eight bytes, little-endian."""
    return (
        np.uint64(data[at])
        | (np.uint64(data[at + 1]) << np.uint64(8))
        | (np.uint64(data[at + 2]) << np.uint64(16))
        | (np.uint64(data[at + 3]) << np.uint64(24))
        | (np.uint64(data[at + 4]) << np.uint64(32))
        | (np.uint64(data[at + 5]) << np.uint64(40))
        | (np.uint64(data[at + 6]) << np.uint64(48))
        | (np.uint64(data[at + 7]) << np.uint64(56))
    )


@kernel
def _siphash(
    data: Bytes, start: int, end: int, scope: np.uint64, scoped: bool, low: np.uint64, high: np.uint64
) -> np.uint64:
    """Hash `data[start:end]`, after the eight bytes of `scope` where it is scoped."""
    state = (low ^ _I0, high ^ _I1, low ^ _I2, high ^ _I3)
    length = end - start
    if scoped:
        state = _absorb(state, scope)
        length += 8
    at = start
    while at + 8 <= end:
        state = _absorb(state, load_word(data, at))
        at += 8
    last = np.uint64(length) << _U56
    shift = _ZERO
    while at < end:
        last |= np.uint64(data[at]) << shift
        shift += _U8
        at += 1
    v0, v1, v2, v3 = _absorb(state, last)
    v2 ^= _END
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    result = v0 ^ v1 ^ v2 ^ v3
    return result if result != _ZERO else _ONE


@kernel
def _hash_spans(
    data: Bytes, starts: Positions, ends: Positions, scope: Keys, low: np.uint64, high: np.uint64, out: Keys
) -> None:
    scoped = len(scope) > 0
    for i in range(len(starts)):
        out[i] = _siphash(data, starts[i], ends[i], scope[i] if scoped else _ZERO, scoped, low, high)


@kernel
def _hash_families(data: Bytes, offsets: Positions, low: np.uint64, high: np.uint64, kept: Bytes, out: Keys) -> None:
    for i in range(len(out)):
        n = 0
        for at in range(offsets[i], offsets[i + 1]):
            byte = data[at]
            if not (0x30 <= byte <= 0x39 or byte in (0x2E, 0x2F, 0x5F)):
                kept[n] = byte
                n += 1
        out[i] = _siphash(kept, 0, n, _ZERO, False, low, high)


def hash_spans(data: Bytes, starts: Positions, ends: Positions, key: HashKey, scope: Keys | None = None) -> Keys:
    """Hash the byte ranges `data[starts[i]:ends[i]]`, each within its scope."""
    out = np.empty(len(starts), np.uint64)
    _hash_spans(data, starts, ends, _EMPTY_KEYS if scope is None else scope, key.low, key.high, out)
    return out


def hash_strings(array: pa.Array | pa.ChunkedArray, scope: Keys | None, key: HashKey) -> Keys:
    """Hash a column of strings or binaries; null gives 0.

    Args:
        array: n strings.
        scope: n words that stand before the text, so that equal text in two scopes differs; None for global ids.
        key: the secret.
    """
    flat = contiguous(array)
    offsets, data = string_buffers(flat)
    return _nulls_as_zero(hash_spans(data, offsets[:-1], offsets[1:], key, scope), flat)


def hash_families(array: pa.Array | pa.ChunkedArray, key: HashKey) -> Keys:
    """Hash user agents without digits and `.`, `_`, `/`: versions of one browser give one hash. Null gives 0."""
    flat = contiguous(array)
    offsets, data = string_buffers(flat)
    out = np.empty(len(flat), np.uint64)
    longest = int(np.diff(offsets).max(initial=0))
    _hash_families(data, offsets, key.low, key.high, np.empty(longest, np.uint8), out)
    return _nulls_as_zero(out, flat)


def contiguous(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Give one chunk of strings or binaries with 32-bit offsets."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array if array.type in (pa.string(), pa.binary()) else array.cast(pa.string())


def string_buffers(array: pa.Array) -> tuple[Positions, Bytes]:
    """Offsets, shape (n + 1,), and bytes of a string array, without a copy."""
    _, offsets, data = array.buffers()
    if offsets is None:
        return np.zeros(len(array) + 1, np.int32), np.empty(0, np.uint8)
    positions = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return positions, np.frombuffer(data or b"", np.uint8)


def _nulls_as_zero(hashes: Keys, array: pa.Array) -> Keys:
    if array.null_count:
        hashes[valid_mask(array) == 0] = 0
    return hashes


def valid_mask(array: pa.Array) -> npt.NDArray[Any]:
    """True where the value is not null, shape (n,)."""
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
