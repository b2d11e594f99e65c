"""A pipeline that remembers a million users and five million live tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.pipeline import batch_of
from benchmarks.processes import apart
from benchmarks.streams import BATCH, IDS, PEOPLE, SECRETS, decoded, later, mix
from engines.pipeline import Pipeline
from ingest.decode import Decoder
from ingest.simulator import Traffic
from schemas.frame import Events
from schemas.vocabulary import EventType, code

USERS: Final = 1_000_000
TOKENS: Final = 5_000_000
GROUPS: Final = 20
"""Copies of one stream that run side by side, each with people of its own."""
_EVENTS: Final = 100_000
_TRAFFIC: Final = Traffic(rate=5.0, users=15_000)
"""Hours, so that sessions are refreshed."""
_BETWEEN: Final = 50
_USES_A_KEPT_ONE: Final = 5
_GIVEN: Final = (code(EventType.ISSUE), code(EventType.REFRESH))


def populate(pipeline: Pipeline, end: int, users: int = USERS, tokens: int = TOKENS) -> Iterator[tuple[int, int]]:
    """Let people work up to `end` (µs) until there are so many; yield their number and that of their tokens on the way.

    Between two of them is what a worker judges in some five seconds.
    """
    decoder, stream = Decoder(SECRETS), apart(_stream)
    people, given = len(_distinct(stream, "sub")), len(_distinct(_issued(stream), "token_id"))
    turns = -(-max(-(-users // people), -(-tokens // given)) // GROUPS)
    first, last = (int(stream[at]["time"][at]) for at in (0, -1))
    for turn in range(turns):
        shift = end - last - (turns - 1 - turn) * (last - first)
        for number, events in enumerate(stream, start=1):
            pipeline.take(batch_of(_side_by_side(events, turn, shift), decoder))
            pipeline.advance({0})
            if number % _BETWEEN == 0:
                yield (turn + 1) * GROUPS * people, (turn + 1) * GROUPS * given


def _stream() -> list[Events]:
    return [_thinned(events) for events in decoded(mix(_EVENTS, _TRAFFIC), BATCH // GROUPS)]


def _thinned(events: Events) -> Events:
    """Leave out most uses: it takes issues and refreshes to make tokens live."""
    used, kept = events["type"] == code(EventType.KEY_USE), np.arange(len(events)) % _USES_A_KEPT_ONE == 0
    return events.take(~used | kept)


def _side_by_side(events: Events, turn: int, shift: int) -> Events:
    # A microsecond apart: names are the same in all copies, and alerts are told apart by name and time.
    numbers = range(turn * GROUPS, (turn + 1) * GROUPS)
    copies = [_delayed(later(events, number, 0, (*IDS, *PEOPLE)), number % GROUPS) for number in numbers]
    joined = _delayed(Events.concat(copies), shift)
    return joined.take(np.argsort(joined["time"], kind="stable"))


def _delayed(events: Events, delay: int) -> Events:
    return events.with_columns(**{name: events[name] + delay for name in ("time", "order_time")})


def _issued(stream: Iterable[Events]) -> list[Events]:
    return [events.take(np.isin(events["type"], _GIVEN)) for events in stream]


def _distinct(stream: Sequence[Events], name: str) -> npt.NDArray[Any]:
    values = np.concatenate([events[name] for events in stream])
    return np.unique(values[values != 0])
