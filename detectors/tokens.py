"""What was said of a token when it was issued, as columns of the events that present it.

One register of all live tokens serves every detector that compares a use with the issue.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.acts import minted
from detectors.holders import HOLDER, holders, keep
from detectors.kernels import Record, column, inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, renew, upsert
from schemas.columns import NULL_TIME
from schemas.fields import micros
from schemas.frame import Events
from schemas.vocabulary import EventType, TokenType, code

ISSUE: Final = np.dtype(
    [("event", np.uint64), ("at", np.int64), ("exp", np.int64), ("type", np.int8), ("holder", HOLDER)]
)
"""What an issue says: `event_key`, `time` and `exp` of its event, µs, code of the token's type, who got the token."""

MEMORY: Final = timedelta(days=7)
"""A token that was not used for longer is unknown to the detectors that compare a use with its issue."""
_OF_PLACE: Final = ("address", "asn", "country")
_COMPARED: Final = (*_OF_PLACE, "client", "device", "cnf", "agent")


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

    def __init__(self, ttl: int = micros(MEMORY)) -> None:
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
    mints, token = minted(events), events["token_id"]
    refreshes = events["type"] == code(EventType.REFRESH)
    presented = np.where(refreshes, events["parent_id"], np.where(mints, np.uint64(0), token))
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
    for name in _COMPARED:
        before, now = issued["holder"][name], holder[name]
        unknown = (before == 0) | (now == 0) | (servers if name in _OF_PLACE else False)
        columns[f"same_{name}"] = np.where(unknown, np.int8(-1), (before == now).view(np.int8))
    return columns


def other_hands(events: Events) -> npt.NDArray[np.bool_]:
    """Tell of each event whether its network, and its device or UA family, are known not to be the issue's, (n,)."""
    device = (events["same_device"] == 0) | (events["same_agent"] == 0)
    found: npt.NDArray[np.bool_] = (events["same_asn"] == 0) & device
    return found


def token_types(events: Events) -> npt.NDArray[np.int8]:
    """Give the token's type, as the event says or else its issue, (n,)."""
    said = np.where(events["token_type"] >= 0, events["token_type"], events["issued_type"])
    return np.where(events["type"] == code(EventType.REFRESH), np.int8(code(TokenType.REFRESH)), said)


def long_lived(types: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """Tell of types of tokens whether a copy of such a token works for long, of their shape."""
    found: npt.NDArray[np.bool_] = (types == code(TokenType.REFRESH)) | (types == code(TokenType.API_KEY))
    return found


def expiries(events: Events) -> npt.NDArray[np.int64]:
    """Give when the token expires, as the event says or else its issue, µs or `NULL_TIME`, (n,)."""
    return np.where(events["exp"] == NULL_TIME, events["issued_exp"], events["exp"])


@inner
def _copy(target: Record, issue: Record) -> None:
    target.event, target.at, target.exp, target.type = issue.event, issue.at, issue.exp, issue.type
    keep(target.holder, issue.holder)


@kernel
def _trace(tokens: TableView, steps: _Steps, issued: npt.NDArray[Any]) -> None:
    for i in range(steps.times.size):
        now = steps.times[i]
        if steps.presented[i] != 0:
            slot = lookup(tokens, steps.presented[i], now)
            if slot != NO_SLOT:
                _copy(issued[i], tokens.rows[slot].issue)
                renew(tokens, slot, now)
        if steps.minted[i] != 0:
            _copy(tokens.rows[upsert(tokens, steps.minted[i], now)].issue, steps.issues[i])
