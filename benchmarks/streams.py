"""Streams to measure on: the simulator's mix as records and as judged batches, and columns that go on for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import orjson

from detectors.base import micros
from ingest.decode import Decoder
from ingest.order import OrderBuffer
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.simulator import Traffic, simulate
from schemas.frame import Events

BATCH: Final = 20_000
START: Final = 1_790_000_000_000_000
LATENESS: Final = timedelta(seconds=10)
HORIZON: Final = timedelta(hours=1)
SECRETS: Final = Secrets(bytes(range(32)))
MIX: Final = Traffic(rate=150.0, users=20_000)
IDS: Final = ("event_key", "event_key2", "token_id", "parent_id", "family_id", "session_id", "grant_id", "txn_id")
"""Columns that a later copy of a stream must not share with an earlier one."""
PEOPLE: Final = ("sub", "principal", "login", "device_id", "source_ip", "prefix")
"""Columns that copies of a stream do not share if other people are at work in them."""


HEADLINE: Final = ("failed-auth-burst", "impossible-geography", "refresh-reuse", "usage-spike")
"""The detectors that run where a goal is about the four headline ones."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch as detectors get it."""

    events: Events
    watermark: int


def mix(events: int, traffic: Traffic = MIX, seed: int = 11) -> list[bytes]:
    """Give the simulator's traffic with its attacks as JSON records, in order of arrival."""
    return [orjson.dumps(event) for event in simulate(seed, START, events=events, traffic=traffic)]


def decoded(records: Sequence[bytes], size: int = BATCH) -> list[Events]:
    """Decode records into batches, in order of arrival."""
    decoder = Decoder(SECRETS)
    starts = range(0, len(records), size)
    return [decoder.decode(RawRecords.of(records[at : at + size])).events for at in starts]


def judged(records: Sequence[bytes]) -> list[Judged]:
    """Give records as batches of `BATCH` events in event-time order."""
    order = OrderBuffer(micros(LATENESS), micros(HORIZON))
    due = []
    for events in decoded(records):
        order.add(events, np.zeros(len(events), np.int32), events["time"])
        due.append(order.advance({0}))
    due.append(order.flush())
    everything = Events.concat(due)
    parts = [everything.take(slice(at, at + BATCH)) for at in range(0, len(everything), BATCH)]
    return [Judged(part, int(part["order_time"][-1])) for part in parts]


def later(events: Events, turn: int, span: int, names: Sequence[str] = IDS) -> Events:
    """Give a copy of a stream that happens `turn` times `span` µs later, with values of its own in some columns."""
    moved = {name: events[name] + turn * span for name in ("time", "order_time")}
    twist = np.uint64(turn * 0x9E3779B97F4A7C15 & 0xFFFF_FFFF_FFFF_FFFF)
    renamed = {name: np.where(events[name] == 0, events[name], events[name] ^ twist) for name in names}
    return events.with_columns(**moved, **renamed)


def crowded(events: Events, share: float, seed: int = 5) -> Events:
    """Give the same events with one key of each kind in a `share` of the rows."""
    rows = np.random.default_rng(seed).random(len(events)) < share
    names = ("sub", "principal", "source_ip", "prefix", "client_id", "family_id", "key_id", "ja4", "token_id")
    one = np.uint64(0xC0FFEE)
    return events.with_columns(**{name: np.where(rows, one, events[name]) for name in names})
