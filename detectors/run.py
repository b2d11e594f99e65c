"""Run detectors over a batch the way the contract promises: in slices that never span a UTC hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np

from detectors.base import Detector, State
from detectors.inventory import Inventory
from detectors.tokens import Tokens
from schemas.columns import TRACED
from schemas.findings import Findings
from schemas.frame import Events

HOUR: Final = 3_600_000_000


def hours(events: Events, watermark: int) -> Iterator[tuple[Events, int]]:
    """Cut a batch at UTC hours of `order_time`; each slice with the watermark that holds after it."""
    times = events["order_time"]
    if not len(events) or times[0] // HOUR == times[-1] // HOUR:
        yield events, watermark
        return
    cuts = [0, *(np.flatnonzero(np.diff(times // HOUR)) + 1), len(events)]
    for start, end in pairwise(cuts):
        last = end == len(events)
        yield events.take(slice(start, end)), watermark if last else min(int(times[end]) - 1, watermark)


def tokens_for(detectors: Iterable[Detector]) -> Tokens | None:
    """Give an empty register of tokens if some detector looks at it."""
    traced = {column.name for column in TRACED}
    needed = any(detector.traced or not traced.isdisjoint(detector.needs) for detector in detectors)
    return Tokens() if needed else None


def step(
    detectors: Mapping[str, Detector],
    states: Mapping[str, State],
    events: Events,
    watermark: int,
    inventory: Inventory | None = None,
) -> list[Findings]:
    """Give each detector's findings on a batch, in the detectors' order, with `row` counted over the whole batch.

    Args:
        detectors: by name.
        states: of each detector, by the same name.
        events: in order of `order_time`, with the columns that the register of tokens and the inventory give.
        watermark: as `Detector.step` takes it.
        inventory: what is known of keys, where anything is.
    """
    if inventory is not None:
        for name, detector in detectors.items():
            detector.consult(inventory, states[name])
    parts: dict[str, list[Findings]] = {name: [] for name in detectors}
    offset = 0
    for slice_, mark in hours(events, watermark):
        for name, detector in detectors.items():
            detector.learn(slice_, mark, states[name])
            parts[name].append(_shifted(detector.step(slice_, mark, states[name]), offset))
        offset += len(slice_)
    return [Findings.concat(name, found) for name, found in parts.items()]


def _shifted(findings: Findings, offset: int) -> Findings:
    if offset and len(findings):
        findings.rows["row"] += np.where(findings.rows["row"] >= 0, offset, 0)
    return findings
