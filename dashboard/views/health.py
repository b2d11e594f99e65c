"""Whether the console can be believed: how fresh the data is, who works, what was refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import pandas as pd

from dashboard.views.frames import frame, instants, texts
from dashboard.words import MINUTE, SECOND, clock_time, counted, duration

HEARTBEAT: Final = SECOND
"""How often a worker says that it lives."""
STALE: Final = 2 * HEARTBEAT + SECOND
"""Two missed heartbeats, and a second for the way."""
OLD: Final = 15 * MINUTE
"""Age of the newest judged event from which the header says so: more than events may be late, or a page may be."""


class Level(StrEnum):
    """How the header looks."""

    LIVE = "live"
    WAITING = "waiting"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Freshness:
    """What the header says.

    Attributes:
        level: `lost` when no leader has a fresh heartbeat; `waiting` when it lives and judges no events, or old ones.
        headline: a few words.
        facts: (name, value) pairs.
    """

    level: Level
    headline: str
    facts: tuple[tuple[str, str], ...]


def freshness(workers: Sequence[Any], now: int) -> Freshness:
    """Judge the heartbeats at the database's time `now`, µs.

    The leader is the worker with the newest heartbeat that is no standby.
    """
    leader = max((w for w in workers if w.state != "standby"), key=lambda w: w.seen_at, default=None)
    if leader is None:
        return Freshness(Level.LOST, "No worker has reported yet" if not workers else "Standby only: nobody leads", ())
    judged = _judged(leader.watermark)
    facts = (
        ("Data as of", "no event yet" if judged is None else clock_time(judged)),
        ("Event-time lag", "-" if judged is None else duration(now - judged)),
        ("Consumer lag", "-" if leader.lag is None else counted(leader.lag, "record")),
    )
    level, headline = _state_of(leader, now)
    return Freshness(level, headline, facts)


def _state_of(leader: Any, now: int) -> tuple[Level, str]:  # noqa: ANN401 - a row
    silence, judged = now - leader.seen_at, _judged(leader.watermark)
    if leader.state == "stopped":
        return Level.LOST, f"Worker stopped {duration(silence)} ago: this is old data"
    if silence > STALE:
        return Level.LOST, f"No heartbeat for {duration(silence)}: this is old data"
    if leader.state != "running":
        return Level.WAITING, f"Worker is {leader.state}"
    if judged is None:
        return Level.WAITING, "Worker waits for the first event"
    if now - judged > OLD:
        return Level.WAITING, "Worker is catching up" if leader.lag else "No recent event"
    return Level.LIVE, "Live"


def _judged(watermark: int | None) -> int | None:
    """Event time up to which everything is judged; a worker without events reports a time before all."""
    return None if watermark is None or watermark < 0 else watermark


def worker_table(workers: Iterable[Any], now: int) -> pd.DataFrame:
    """One line a worker, with the age of its last heartbeat at the database's time `now`, µs."""
    names = ["worker_id", "host", "state", "seen_at", "epoch", "watermark", "lag", "started_at"]
    found = frame(workers, names)
    return pd.DataFrame(
        {
            "Worker": texts(found["worker_id"]),
            "Host": texts(found["host"]),
            "State": [_state(state, now - seen) for state, seen in zip(found["state"], found["seen_at"], strict=True)],
            "Heartbeat": found["seen_at"].map(lambda seen: f"{duration(now - seen)} ago").astype("object"),
            "Epoch": found["epoch"].astype("Int64"),
            "Judged up to (UTC)": instants(found["watermark"].map(_judged)),
            "Lag (records)": found["lag"].astype("Int64"),
            "Since (UTC)": instants(found["started_at"]),
        }
    )


def _state(state: str, silence: int) -> str:
    if state != "stopped" and silence > STALE:
        return f"✖ {state}, then silent"
    return {"running": "● running", "stopped": "■ stopped"}.get(state, f"◌ {state}")


def dead_letter_table(reasons: Iterable[object]) -> pd.DataFrame:
    """`Reason`, `Records`, `Last (UTC)`, most first."""
    found = frame(reasons, ["reason", "count", "last"]).sort_values("count", ascending=False, ignore_index=True)
    return pd.DataFrame(
        {"Reason": texts(found["reason"]), "Records": found["count"], "Last (UTC)": instants(found["last"])}
    )


def counter_table(counters: Mapping[str, int]) -> pd.DataFrame:
    """A worker's own counters since it started, by name."""
    rows = sorted((name.replace("_", " "), count) for name, count in counters.items())
    return pd.DataFrame(rows, columns=["Counter", "Since start"])
