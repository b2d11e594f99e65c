"""Uses: the events of a batch that are counted, cut down to whom they count for, and how often each happened."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.frame import Events

Array: TypeAlias = npt.NDArray[Any]

TOKEN, SUB, CLIENT, KEY = range(4)
"""The dimensions, by their position in `ids`."""
DIMENSIONS: Final = 4
MOST_VOLUME: Final = 1e9
"""Uses one record may stand for: more would be a typing error, or somebody who wants sums to overflow."""

USE: Final = np.dtype(
    [
        ("now", np.int64),
        ("time", np.int64),
        ("row", np.int64),
        ("volume", np.int64),
        ("share", np.float64),
        ("issuer", np.uint64),
        ("client", np.uint64),
        ("ids", np.uint64, (DIMENSIONS,)),
        ("late", np.bool_),
    ]
)
"""One record of use.

- `now`, `time`: `order_time` and `time`, µs. `row`: position in the batch.
- `volume`: uses it stands for, `count` / `sample_rate` to the nearest whole. `share`: `sample_rate`.
- `ids`: by dimension, 0 where there is none.
"""


def uses_at(events: Events, at: Array) -> Array:
    """Give what is counted of some rows of a batch, in its order, dtype `USE`, for no dimension but the client.

    Args:
        events: the batch.
        at: rows that have an issuer, int64 (m,).
    """
    found = np.empty(len(at), USE)
    found["row"] = at
    for name, column in (("now", "order_time"), ("issuer", "issuer_key"), ("client", "client_id")):
        found[name] = events[column][at]
    for name in ("time", "late"):
        found[name] = events[name][at]
    found["share"] = events["sample_rate"][at]
    found["volume"] = np.clip(np.rint(events["count"][at] / found["share"]), 1, MOST_VOLUME)
    found["ids"] = 0
    found["ids"][:, CLIENT] = found["client"]
    return found
