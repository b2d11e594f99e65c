"""How many principals succeed behind an address: what tells an office or a carrier from an attacker."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.authentication.attempts import ACCEPTED, LOGIN, NOTHING
from detectors.authentication.counts import is_full, peers
from detectors.authentication.shapes import FINGERPRINT
from detectors.authentication.verdicts import Array, Record
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, find
from detectors.windows import SPAN, WindowView, enter, expire, pair_of

REFRESHES: Final = 4
"""A pair that goes on is entered again after this part of the window: it is forgotten 3/4 to 1 span after its last
event (1/2 to 1 for a network), and costs at most this many entries however often it comes."""
MANY: Final = 1 << 30
"""What a full key counts as."""
SOURCES, NETWORKS, FINGERPRINTS = range(3)
_ISSUERS: Final = 3


@inner
def meet(window: WindowView, key: np.uint64, peer: np.uint64, now: int) -> bool:
    """Note that `key` and `peer` were seen together, unless that is known and fresh; say whether it was not.

    `window` is expired already.
    """
    pair = find(window.pairs, pair_of(key, peer))
    if pair != NO_SLOT and now - window.pairs.rows[pair].touched < window.meta[SPAN] // REFRESHES:
        return False
    enter(window, key, peer, 1, now)
    return True


@inner
def address_of(row: Record, level: int) -> np.uint64:
    """Give what may be shared at a level: the source, its network, its TLS fingerprint; 0 where it is unknown.

    The level after those is the issuer, of a row with a fingerprint.
    """
    if level == SOURCES:
        return np.uint64(row.source)
    if level == NETWORKS:
        return np.uint64(row.network)
    if row.fingerprint == 0:
        return np.uint64(0)
    return pair_of(row.fingerprint if level == FINGERPRINTS else row.issuer, FINGERPRINT)


@inner
def _welcome(accepted: WindowView, row: Record) -> None:
    """Note an accepted row at every level; a network is looked at only where its source is not fresh."""
    stale = True
    for level in range(4):
        key = address_of(row, level)
        if key != 0 and (stale or level != NETWORKS):
            stale = meet(accepted, key, FINGERPRINT if level == _ISSUERS else row.principal, row.time)


@inner
def _count(accepted: WindowView, row: Record, succeeding: Array) -> None:
    for level in range(3):
        key = address_of(row, level)
        succeeding[level] = MANY if is_full(accepted, key) else peers(accepted, key)
    if row.fingerprint != 0 and peers(accepted, address_of(row, _ISSUERS)) == 0:
        succeeding[FINGERPRINTS] = MANY


@kernel
def count_successes(stream: Array, accepted: WindowView, succeeding: Array) -> None:
    """Fill in, for each failed row, the principals accepted from its source, network and fingerprint of late.

    Args:
        stream: all rows of the batch, dtype `STREAM`.
        accepted: window of (address, principal).
        succeeding: int64 (failed rows, 3), zeros. A fingerprint counts as `MANY` until the issuer has shown one on
            an accepted event: a log that gives fingerprints only to failures would make each of them look hostile.
    """
    failed = 0
    for i in range(stream.size):
        row = stream[i]
        expire(accepted, row.time)
        if row.meaning in (ACCEPTED, LOGIN):
            if row.principal != 0:
                _welcome(accepted, row)
        elif row.meaning != NOTHING:
            _count(accepted, row, succeeding[failed])
            failed += 1
