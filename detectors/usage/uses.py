"""Uses: the key-use events of a batch, cut down to who used what, and how often one record says it happened."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.frame import Events
from schemas.vocabulary import EventType, Operation, TokenType, code

Array: TypeAlias = npt.NDArray[Any]

TOKEN, SUB, CLIENT, KEY = range(4)
"""The dimensions, by their position in `ids`."""
COLUMNS: Final = ("token_id", "sub", "client_id", "key_id")
DIMENSIONS: Final = len(COLUMNS)
MOST_VOLUME: Final = 1e9
"""Uses one record may stand for: more would be a typing error, or somebody who wants sums to overflow."""

_LIFE_CYCLE: Final = np.array(
    [
        code(operation)
        for operation in (
            Operation.CREATE,
            Operation.ROTATE,
            Operation.ENABLE,
            Operation.DISABLE,
            Operation.SCHEDULE_DELETE,
            Operation.DESTROY,
            Operation.IMPORT,
            Operation.EXPORT,
            Operation.POLICY_CHANGE,
        )
    ]
)

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


def uses(events: Events) -> Array:
    """Give the uses of a batch in its order, dtype `USE`: key-use but for what happened to the key itself.

    An API key is counted as a key, not once more as a token; a client that acts for itself not once more as a user.
    """
    used = (events["type"] == code(EventType.KEY_USE)) & (events["issuer_key"] != 0)
    at = np.flatnonzero(used & ~np.isin(events["operation"], _LIFE_CYCLE))
    found = np.empty(len(at), USE)
    found["row"] = at
    for name, column in (("now", "order_time"), ("issuer", "issuer_key"), ("client", "client_id")):
        found[name] = events[column][at]
    for name in ("time", "late"):
        found[name] = events[name][at]
    for dimension, column in enumerate(COLUMNS):
        found["ids"][:, dimension] = events[column][at]
    found["share"] = events["sample_rate"][at]
    found["volume"] = np.clip(np.rint(events["count"][at] / found["share"]), 1, MOST_VOLUME)
    ids = found["ids"]
    api_key = (events["token_type"][at] == code(TokenType.API_KEY)) & (ids[:, KEY] != 0)
    ids[api_key, TOKEN] = 0
    ids[ids[:, SUB] == found["client"], SUB] = 0
    return found
