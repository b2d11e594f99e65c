"""What is known of keys, as columns of the events that name them.

Facts come in versions: one holds from its `since` until the next of its key. So a judgement made with all versions at
hand is the one that was made when the later ones were not there yet. See docs/decisions/0014.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schemas.columns import LISTED, NULL_TIME
from schemas.frame import Events

_OF_ISSUER: Final = ("keys_since", "keys_read_next")
FACTS: Final = tuple(column.name for column in LISTED if column.name not in _OF_ISSUER)
VERSION: Final = np.dtype([("key", np.uint64), ("since", np.int64), *((name, np.int64) for name in FACTS)])
"""What is known of a key from `since` on, µs: the columns `schemas.columns.LISTED` without the issuer's."""

Array = npt.NDArray[Any]


class Inventory:
    """All that is known of keys.

    Args:
        versions: of dtype `VERSION`; each key has one whose `since` is `NULL_TIME`.
        reads: when the JWKS of each issuer (`issuer_key`) was read, µs in order, at least once.
    """

    def __init__(self, versions: Array, reads: Mapping[int, Array]) -> None:
        self._versions = np.sort(versions, order=("key", "since"))
        self._keys = np.ascontiguousarray(self._versions["key"])
        self._since = np.ascontiguousarray(self._versions["since"])
        self._reads = dict(reads)

    def describe(self, events: Events) -> Events:
        """Give the events with the columns of `schemas.columns.LISTED`."""
        keys = events["key_id"]
        if not keys.any():
            return events
        at, known = self._last(keys)
        future = known & (self._since[at] > events["order_time"]) if len(self._versions) else known
        while future.any():
            at[future] -= 1
            future = future & (self._since[at] > events["order_time"])
        columns = {name: _chosen(self._versions[name], at, known) for name in FACTS}
        return events.with_columns(**columns, **self.reads(events["issuer_key"], events["order_time"]))

    def listed_at(self, keys: Array) -> Array:
        """Give when each key was listed first, as far as is known by now, µs or `NULL_TIME`, (n,)."""
        return _chosen(self._versions["key_listed_at"], *self._last(keys))

    def reads(self, issuers: Array, times: Array) -> dict[str, Array]:
        """Give when the JWKS of each issuer was read first, and next after a time, as columns, µs, each (n,)."""
        columns = {name: np.full(len(issuers), NULL_TIME, np.int64) for name in _OF_ISSUER}
        for issuer, reads in self._reads.items():
            rows = np.flatnonzero(issuers == np.uint64(issuer))
            columns["keys_since"][rows] = reads[0]
            columns["keys_read_next"][rows] = np.append(reads, NULL_TIME)[np.searchsorted(reads, times[rows], "right")]
        return columns

    def _last(self, keys: Array) -> tuple[Array, Array]:
        """Give the position of the last version of each key, and whether there is one, both (n,)."""
        at = np.searchsorted(self._keys, keys, "right") - 1
        known = (at >= 0) & (self._keys[at] == keys) if len(self._keys) else np.zeros(len(keys), np.bool_)
        return at, known


def _chosen(values: Array, at: Array, known: Array) -> Array:
    chosen = np.full(len(at), NULL_TIME, np.int64)
    chosen[known] = values[at[known]]
    return chosen
