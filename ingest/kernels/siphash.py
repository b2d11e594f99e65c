"""SipHash-2-4 (Aumasson and Bernstein, 2012) over ranges of bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.kernels.cells import Bytes, Positions
from ingest.kernels.compiled import kernel

Keys = npt.NDArray[np.uint64]

_U8, _U13, _U16, _U17, _U21, _U32, _U56 = (np.uint64(n) for n in (8, 13, 16, 17, 21, 32, 56))
_I0, _I1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_I2, _I3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_END = np.uint64(0xFF)
_ZERO, _ONE = np.uint64(0), np.uint64(1)


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
def siphash_spans(
    data: Bytes, starts: Positions, ends: Positions, scope: Keys, low: np.uint64, high: np.uint64, out: Keys
) -> None:
    """Hash each range of bytes; an empty `scope` means none."""
    scoped = len(scope) > 0
    for i in range(len(starts)):
        out[i] = _siphash(data, starts[i], ends[i], scope[i] if scoped else _ZERO, scoped, low, high)


@kernel
def siphash_families(data: Bytes, offsets: Positions, low: np.uint64, high: np.uint64, kept: Bytes, out: Keys) -> None:
    """Hash each text without digits, dots, slashes and underscores. `kept` is as long as the longest text."""
    for i in range(len(out)):
        n = 0
        for at in range(offsets[i], offsets[i + 1]):
            byte = data[at]
            if not (0x30 <= byte <= 0x39 or byte in (0x2E, 0x2F, 0x5F)):
                kept[n] = byte
                n += 1
        out[i] = _siphash(kept, 0, n, _ZERO, False, low, high)
