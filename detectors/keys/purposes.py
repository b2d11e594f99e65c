"""What a key is used for in an event, as NIST SP 800-57 part 1 tells its periods apart."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.acts import minted, refused, used
from detectors.findings import Array
from schemas.catalogue import Metric, Unit
from schemas.columns import NULL_TIME
from schemas.frame import Events
from schemas.vocabulary import EventType, Operation, code

SIGNS, ENCRYPTS, VERIFIES, OPENS = range(4)
"""Purposes: the originator's (a signature, encryption), the recipient's (verification, decryption)."""
NO_PURPOSE: Final = -1
KINDS: Final = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
"""Types of events that have a purpose."""
ELAPSED: Final = (Metric("elapsed", Unit.SECONDS),)
SP_800_57: Final = "https://doi.org/10.6028/NIST.SP.800-57pt1r5"
_OF_OPERATION: Final = {
    Operation.SIGN: SIGNS,
    Operation.ENCRYPT: ENCRYPTS,
    Operation.WRAP: ENCRYPTS,
    Operation.VERIFY: VERIFIES,
    Operation.AUTHENTICATE: VERIFIES,
    Operation.DECRYPT: OPENS,
    Operation.UNWRAP: OPENS,
}
_PURPOSES: Final = np.array([*(_OF_OPERATION.get(it, NO_PURPOSE) for it in Operation), VERIFIES], np.int8)
"""By code of the operation; the last is null's: a token was used, and so verified."""


def purposes(events: Events) -> Array:
    """Give what each event used its key for and succeeded, int8 (n,); `NO_PURPOSE` without a key."""
    found = np.where(used(events), _PURPOSES[events["operation"]], np.int8(NO_PURPOSE))
    found = np.where(minted(events), np.int8(SIGNS), found)
    return np.where(events["key_id"] != 0, found, np.int8(NO_PURPOSE))


def tried(events: Events) -> Array:
    """Tell of each event whether a use of its key was refused, bool (n,)."""
    meant = (_PURPOSES[events["operation"]] != NO_PURPOSE) | (events["type"] == code(EventType.VERIFY_FAILURE))
    found: Array = refused(events) & meant & (events["key_id"] != 0)
    return found


def elapsed(events: Events, fact: str) -> Array:
    """Give how long each event lies after what a column of `LISTED` says of its key, µs, int64 (n,).

    Negative: it lies before, or nothing is said.
    """
    stated = events[fact]
    return np.where(stated == NULL_TIME, np.int64(-1), events["time"] - stated)
