"""What was said of a token when it was issued, as columns of the events that present it.

One register of all live tokens serves every detector that compares a use with the issue.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.holders import HOLDER, holders, keep
from detectors.kernels import Record, column, inner, kernel
from detectors.tables import NO_SLOT, Table, TableView, lookup, renew, upsert
from schemas.acts import minted, presented
from schemas.columns import NULL_TIME
from schemas.fields import micros
from schemas.frame import Events
from schemas.vocabulary import EventType, TokenType, code

ISSUE: Final = np.dtype(
    [
        ("event", np.uint64),
        ("at", np.uint32),
        ("exp", np.uint32),
        ("type", np.int8),
        ("used", np.bool_),
        ("holder", HOLDER),
    ]
)
"""What an issue says: `event_key`, `time` and `exp` (0: none) of its event, s, code of the token's type, whether the
token was presented since, who got it.
"""

MEMORY: Final = timedelta(days=7)
"""A token that was not used for longer is unknown to the detectors that compare a use with its issue."""
_OF_PLACE: Final = ("address", "asn", "country")
_COMPARED: Final = (*_OF_PLACE, "client", "device", "cnf", "agent")
_SECOND: Final = 1_000_000
_LAST_SECOND: Final = np.iinfo(np.uint32).max


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
    issues = np.zeros(len(events), ISSUE)
    issues["event"], issues["type"], issues["at"] = events["event_key"], events["token_type"], _seconds(events["time"])
    issues["exp"] = _seconds(events["exp"])
    issues["holder"] = holders(events, np.arange(len(events)))
    return _Steps(presented(events), np.where(mints, token, np.uint64(0)), column(events, "order_time"), issues)


def _seconds(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the next whole second, so that no token ends too early; 0 for none, the last that fits for later ones."""
    seconds: npt.NDArray[np.int64] = np.clip(-(times // -_SECOND), 0, _LAST_SECOND)
    return seconds


def _micros(seconds: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    return np.where(seconds != 0, seconds.astype(np.int64) * _SECOND, NULL_TIME)


def _columns(issued: npt.NDArray[Any], holder: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    known = issued["event"] != 0
    columns = {
        "issue_event": issued["event"],
        "issued_at": _micros(issued["at"]),
        "issued_exp": _micros(issued["exp"]),
        "issued_type": np.where(known, issued["type"], np.int8(-1)),
        "first_use": np.where(known, (~issued["used"]).view(np.int8), np.int8(-1)),
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


def same_hands(events: Events, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell of some events whether they come from who got the token, (m,).

    Network or device are the issue's, and one of device, key and UA family; client, key and country are not others.
    """
    asn, device, cnf, agent, client, country = (
        events[f"same_{name}"][rows] for name in ("asn", "device", "cnf", "agent", "client", "country")
    )
    found: npt.NDArray[np.bool_] = (device == 1) | ((asn == 1) & ((cnf == 1) | (agent == 1)))
    found &= (client != 0) & (cnf != 0) & (country != 0)
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
    target.event, target.at, target.exp = issue.event, issue.at, issue.exp
    target.type, target.used = issue.type, issue.used
    keep(target.holder, issue.holder)


@kernel
def _trace(tokens: TableView, steps: _Steps, issued: npt.NDArray[Any]) -> None:
    for i in range(steps.times.size):
        now = steps.times[i]
        if steps.presented[i] != 0:
            slot = lookup(tokens, steps.presented[i], now)
            if slot != NO_SLOT:
                _copy(issued[i], tokens.rows[slot].issue)
                if not tokens.rows[slot].issue.used:
                    tokens.rows[slot].issue.used = True
                    tokens.dirty[slot] = True
                renew(tokens, slot, now)
        if steps.minted[i] != 0:
            _copy(tokens.rows[upsert(tokens, steps.minted[i], now)].issue, steps.issues[i])
