"""How many principals succeed behind an address: what tells an office or a carrier from an attacker."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.authentication.attempts import ACCEPTED, LOGIN, NOTHING, Stream
from detectors.authentication.shapes import FINGERPRINT
from detectors.kernels import inner, kernel
from detectors.tables import NO_SLOT, find
from detectors.windows import CAP, SPAN, WindowView, expire, pair_of, push

REFRESHES: Final = 4
"""A pair that goes on is entered again after this part of the window: it is forgotten 3/4 to 1 span after its last
event, and costs at most this many entries however often it comes."""
MANY: Final = 1 << 30
"""What a full key counts as."""
SOURCES, NETWORKS, FINGERPRINTS = range(3)


@inner
def meet(window: WindowView, key: np.uint64, peer: np.uint64, now: int) -> None:
    """Note that `key` and `peer` were seen together, unless that is known and fresh."""
    expire(window, now)
    pair = find(window.pairs, pair_of(key, peer))
    if pair == NO_SLOT or now - window.pairs.rows[pair].touched >= window.meta[SPAN] // REFRESHES:
        push(window, key, peer, 1, now)


@inner
def met(window: WindowView, key: np.uint64) -> int:
    """Count the distinct peers of a key; `MANY` where there is no room for more."""
    slot = find(window.counts, key)
    if slot == NO_SLOT:
        return 0
    if window.counts.rows[slot].entries >= window.meta[CAP]:
        return MANY
    return int(window.counts.rows[slot].peers)


@inner
def _welcome(accepted: WindowView, stream: Stream, i: int) -> None:
    principal, now = stream.principal[i], stream.time[i]
    if stream.source[i] != 0:
        meet(accepted, stream.source[i], principal, now)
        meet(accepted, stream.network[i], principal, now)
    if stream.fingerprint[i] != 0:
        meet(accepted, pair_of(stream.fingerprint[i], FINGERPRINT), principal, now)
        meet(accepted, pair_of(stream.issuer[i], FINGERPRINT), FINGERPRINT, now)


@inner
def _count(accepted: WindowView, stream: Stream, i: int, succeeding: npt.NDArray[np.int64], row: int) -> None:
    expire(accepted, stream.time[i])
    if stream.source[i] != 0:
        succeeding[row, SOURCES] = met(accepted, stream.source[i])
        succeeding[row, NETWORKS] = met(accepted, stream.network[i])
    if stream.fingerprint[i] != 0:
        succeeding[row, FINGERPRINTS] = MANY
        if met(accepted, pair_of(stream.issuer[i], FINGERPRINT)) > 0:
            succeeding[row, FINGERPRINTS] = met(accepted, pair_of(stream.fingerprint[i], FINGERPRINT))


@kernel
def count_successes(stream: Stream, accepted: WindowView, succeeding: npt.NDArray[Any]) -> None:
    """Fill in, for each failed row, the principals accepted from its source, network and fingerprint of late.

    Args:
        stream: all rows of the batch.
        accepted: window of (address, principal).
        succeeding: int64 (failed rows, 3), zeros. A fingerprint counts as `MANY` until the issuer has shown one on
            an accepted event: a log that gives fingerprints only to failures would make each of them look hostile.
    """
    row = 0
    for i in range(stream.time.size):
        meaning = stream.meaning[i]
        if meaning in (ACCEPTED, LOGIN):
            if stream.principal[i] != 0:
                _welcome(accepted, stream, i)
        elif meaning != NOTHING:
            _count(accepted, stream, i, succeeding, row)
            row += 1
