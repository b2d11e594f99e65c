"""The uses of tokens and keys, as they are counted."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.rates.uses import CLIENT, KEY, SUB, TOKEN, Array, uses_at
from schemas.frame import Events
from schemas.vocabulary import EventType, Operation, TokenType, code

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


def uses(events: Events) -> Array:
    """Give the uses of a batch in its order, dtype `USE`: key-use but for what happened to the key itself.

    An API key is counted as a key, not once more as a token; a client that acts for itself not once more as a user. A
    signature makes its token: it is a use of the key only.
    """
    used = (events["type"] == code(EventType.KEY_USE)) & (events["issuer_key"] != 0)
    at = np.flatnonzero(used & ~np.isin(events["operation"], _LIFE_CYCLE))
    found = uses_at(events, at)
    ids = found["ids"]
    for dimension, column in ((TOKEN, "token_id"), (SUB, "sub"), (KEY, "key_id")):
        ids[:, dimension] = events[column][at]
    ids[events["operation"][at] == code(Operation.SIGN), TOKEN] = 0
    ids[(events["token_type"][at] == code(TokenType.API_KEY)) & (ids[:, KEY] != 0), TOKEN] = 0
    ids[ids[:, SUB] == ids[:, CLIENT], SUB] = 0
    return found
