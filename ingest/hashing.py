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

from ingest.kernels.cells import Bytes, Positions
from ingest.kernels.siphash import Keys, siphash_families, siphash_spans

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


def hash_spans(data: Bytes, starts: Positions, ends: Positions, key: HashKey, scope: Keys | None = None) -> Keys:
    """Hash the byte ranges `data[starts[i]:ends[i]]`, each within its scope."""
    out = np.empty(len(starts), np.uint64)
    siphash_spans(data, starts, ends, _EMPTY_KEYS if scope is None else scope, key.low, key.high, out)
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
    siphash_families(data, offsets, key.low, key.high, np.empty(longest, np.uint8), out)
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
