"""Presentations: the moments at which somebody shows a refresh token, redeemed or refused."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.holders import HOLDER, holders
from schemas.frame import Events
from schemas.vocabulary import EventType, Reason, code

PRESENTATION: Final = np.dtype(
    [
        ("now", np.int64),
        ("time", np.int64),
        ("row", np.int64),
        ("event", np.uint64),
        ("token", np.uint64),
        ("child", np.uint64),
        ("family", np.uint64),
        ("client", np.uint64),
        ("leeway", np.int64),
        ("policy", np.int8),
        ("ahead", np.int32),
        ("refused", np.bool_),
        ("reused", np.bool_),
        ("rotates", np.bool_),
        ("holder", HOLDER),
    ]
)
"""One presentation.

- `now`, `time`: `order_time` and `time`, µs. `row`: position in the batch. `event`: its `event_key`.
- `token`: the refresh token that was shown; `child`: the one that was minted for it. 0 for unknown.
- `family`, `client`: scoped keys, 0 for unknown.
- `leeway`: how long after its first redemption a retry is harmless, µs. `policy`: whether its token is single-use.
- `ahead`: generations between the token and the newest one as the server counts them, -1 for unknown.
- `refused`: the server did not accept it; `reused`: because it was spent. `rotates`: it minted another in its place.
"""

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)


def presentations(events: Events) -> npt.NDArray[Any]:
    """Give the presentations of a batch in its order, dtype `PRESENTATION`; without `leeway` and `policy`.

    A server that keeps the token (`rotated` false, or the same id before and after) spends nothing: no `token` then.
    Where ids are absent, (family, generation) stands for them.
    """
    refresh = events["type"] == code(EventType.REFRESH)
    failure = events["type"] == code(EventType.VERIFY_FAILURE)
    reused = failure & (events["reason"] == code(Reason.REUSED))
    shown = failure & (events["token_id"] != 0)
    at = np.flatnonzero(refresh | shown | reused)
    found = np.zeros(len(at), PRESENTATION)
    found["row"], found["refused"], found["reused"] = at, failure[at], reused[at]
    for name, column in (
        ("now", "order_time"),
        ("event", "event_key"),
        ("client", "client_id"),
        ("family", "family_id"),
    ):
        found[name] = events[column][at]
    found["time"] = events["time"][at]
    _tokens(events, at, found)
    found["ahead"] = _ahead(events["generation"][at], events["latest_generation"][at])
    found["holder"] = holders(events, at)
    return found


def _tokens(events: Events, at: npt.NDArray[np.int64], found: npt.NDArray[Any]) -> None:
    own, parent = events["token_id"][at], events["parent_id"][at]
    generation, refused = events["generation"][at].astype(np.int64), found["refused"]
    token = np.where(refused, own, parent)
    child = np.where(refused, np.uint64(0), own)
    counted = (token == 0) & (found["family"] != 0) & (generation >= np.where(refused, 0, 1))
    token[counted] = _numbered(found["family"], generation - ~refused)[counted]
    child[counted & ~refused] = _numbered(found["family"], generation)[counted & ~refused]
    kept = ~refused & ((events["rotated"][at] == 0) | (token == child))
    found["token"] = np.where(kept, np.uint64(0), token)
    found["child"] = np.where(kept, np.uint64(0), child)
    found["rotates"] = ~refused & ((found["child"] != 0) | (events["rotated"][at] == 1))


def _numbered(family: npt.NDArray[np.uint64], generation: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Name a token by its family, itself a hash, and its generation."""
    named: npt.NDArray[np.uint64] = family ^ ((generation + 1).astype(np.uint64) * _STEP)
    return named


def _ahead(own: npt.NDArray[np.int32], latest: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    ahead: npt.NDArray[np.int32] = np.where((own >= 0) & (latest >= own), latest - own, np.int32(-1))
    return ahead
