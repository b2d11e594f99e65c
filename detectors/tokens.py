"""What was said of a token when it was issued, as columns of the events that present it.

One register of all live tokens serves every detector that compares a use with the issue.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.holders import HOLDER, holders, keep
from detectors.kernels import Record, column, inner, kernel
from detectors.tables import NO_SLOT, TTL, Table, TableView, lookup, upsert
from schemas.columns import NULL_TIME
from schemas.frame import Events
from schemas.vocabulary import EventType, code

ISSUE: Final = np.dtype(
    [("event", np.uint64), ("at", np.int64), ("exp", np.int64), ("type", np.int8), ("holder", HOLDER)]
)
"""What an issue says: `event_key`, `time` and `exp` of its event, µs, code of the token's type, who got the token."""

_ISSUE, _REFRESH = code(EventType.ISSUE), code(EventType.REFRESH)
_OF_PLACE: Final = ("address", "asn", "country")
_RENEWALS: Final = 8


class _Steps(NamedTuple):
    """Events as the register sees them, each (n,): token presented, token minted (0 for none), `order_time`, issue."""

    presented: npt.NDArray[np.uint64]
    minted: npt.NDArray[np.uint64]
    times: npt.NDArray[np.int64]
    issues: npt.NDArray[Any]


class Tokens:
    """Register of issued tokens.

    Args:
        ttl: µs for which a token is remembered after its issue and after its uses.
    """

    def __init__(self, ttl: int) -> None:
        self.table = Table([("issue", ISSUE)], ttl=ttl)

    def trace(self, events: Events) -> Events:
        """Give the events with the columns of `schemas.columns.TRACED`, and remember the tokens that they mint.

        Args:
            events: in order of `order_time`.
        """
        steps = _steps(events)
        if not (steps.presented.any() or steps.minted.any()):
            return events
        issued = np.zeros(len(events), ISSUE)
        view = self.table.view(int(np.count_nonzero(steps.minted)), int(steps.times[0]))
        _trace(view, steps, issued)
        return events.with_columns(**_columns(issued, steps.issues["holder"]))


def _steps(events: Events) -> _Steps:
    mints = np.isin(events["type"], (_ISSUE, _REFRESH))
    token = events["token_id"]
    presented = np.where(events["type"] == _REFRESH, events["parent_id"], np.where(mints, np.uint64(0), token))
    issues = np.zeros(len(events), ISSUE)
    for name, source in (("event", "event_key"), ("at", "time"), ("exp", "exp"), ("type", "token_type")):
        issues[name] = events[source]
    issues["holder"] = holders(events, np.arange(len(events)))
    return _Steps(presented, np.where(mints, token, np.uint64(0)), column(events, "order_time"), issues)


def _columns(issued: npt.NDArray[Any], holder: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    known = issued["event"] != 0
    columns = {
        "issue_event": issued["event"],
        "issued_at": np.where(known, issued["at"], NULL_TIME),
        "issued_exp": np.where(known, issued["exp"], NULL_TIME),
        "issued_type": np.where(known, issued["type"], np.int8(-1)),
        "issued_bound": np.where(known, (issued["holder"]["cnf"] != 0).view(np.int8), np.int8(-1)),
    }
    servers = issued["holder"]["server"] | holder["server"]
    for name in HOLDER.names or ():
        before, now = issued["holder"][name], holder[name]
        unknown = (before == 0) | (now == 0) | (servers if name in _OF_PLACE else False)
        columns[f"same_{name}"] = np.where(unknown, np.int8(-1), (before == now).view(np.int8))
    del columns["same_server"]
    return columns


@inner
def _copy(target: Record, issue: Record) -> None:
    target.event, target.at, target.exp, target.type = issue.event, issue.at, issue.exp, issue.type
    keep(target.holder, issue.holder)


@kernel
def _trace(tokens: TableView, steps: _Steps, issued: npt.NDArray[Any]) -> None:
    renewal = tokens.meta[TTL] // _RENEWALS
    for i in range(steps.times.size):
        now = steps.times[i]
        if steps.presented[i] != 0:
            slot = lookup(tokens, steps.presented[i], now)
            if slot != NO_SLOT:
                _copy(issued[i], tokens.rows[slot].issue)
                # Each touch is a row of the next checkpoint.
                if now - tokens.rows[slot].touched > renewal:
                    upsert(tokens, steps.presented[i], now)
        if steps.minted[i] != 0:
            _copy(tokens.rows[upsert(tokens, steps.minted[i], now)].issue, steps.issues[i])
