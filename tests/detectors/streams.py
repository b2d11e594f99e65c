"""One mixed stream of benign and hostile events that gives every detector something to say."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import numpy as np

from detectors.tokens import Tokens
from schemas.frame import Events
from tests.detectors.keyring import inventory
from tests.detectors.scenes import behaviour, headline, keys, lifecycle, policy, rates, tokens
from tests.detectors.writer import HOUR, START, Person, Row, Writer, people
from tests.frames import frame

SCENES: Final[tuple[Callable[[Writer, list[Person]], None], ...]] = (
    *headline.SCENES,
    *lifecycle.SCENES,
    *policy.SCENES,
    *keys.SCENES,
    *tokens.SCENES,
    *behaviour.SCENES,
    *rates.SCENES,
)
"""Later scenes do not change what earlier ones draw."""
OPTIONAL: Final = ("device_id", "user_agent", "asn", "country", "lat", "session_id", "family_id", "client_id", "sub")


def forgotten(rows: list[Row], rng: random.Random) -> Iterator[Row]:
    """The rows with single fields lost here and there."""
    for row in rows:
        lost = {rng.choice(OPTIONAL)} if rng.random() < 0.04 else set()
        yield {name: value for name, value in row.items() if name not in lost}


def delayed(events: Events, rng: np.random.Generator, share: float) -> Events:
    """The events with a share of them late by up to two hours, in their new order."""
    late = rng.random(len(events)) < share
    order_time = events["time"] + np.where(late, rng.integers(1, 2 * HOUR, len(events)), 0)
    order_time = np.minimum(order_time, events["time"].max())
    order = np.argsort(order_time, kind="stable")
    return events.with_columns(order_time=order_time, late=order_time > events["time"]).take(order)


@cache
def mixed_stream(seed: int = 1) -> Events:
    """About 6 000 events over nine days, few before; all scenes, 4 % lost a field, 1 % late. Treat as read-only."""
    rng = random.Random(seed)
    writer = Writer(rng)
    everyone = people(rng)
    for scene in SCENES:
        scene(writer, everyone)
    events = delayed(frame(list(forgotten(writer.rows, rng))), np.random.default_rng(seed), 0.01)
    return inventory(keys.KNOWN, START.__add__).describe(Tokens().trace(events))
