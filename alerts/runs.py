"""`Run`: the findings of one episode within one batch, as arrays, and the few of them that publish a revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from alerts.entities import keys
from alerts.episode import Episode, Measured, class_of, ranks_of
from alerts.evidence import FIRST, LAST
from schemas.catalogue import DetectorCard, EntityField
from schemas.findings import FINDING, Findings
from schemas.frame import Events

MAX_ENTITIES: Final = 20
"""Entities of one type that an alert knows; further ones are no news."""
Array = npt.NDArray[Any]
_LAST_ROW: Final = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Batch:
    """All findings of a batch of events in the order of the fold.

    Attributes:
        rows: dtype `FINDING`, ordered by (time, row, detector), timers after the events of their time.
        detector: position of each finding's detector in the cards.
    """

    events: Events
    rows: Array
    detector: Array

    @classmethod
    def of(cls, findings: Sequence[Findings], events: Events, order: Mapping[str, int]) -> Batch:
        """Put the findings of several detectors in one order."""
        parts = [part for part in findings if len(part)]
        rows = np.concatenate([np.empty(0, FINDING), *(part.rows for part in parts)])
        detector = np.repeat([order[part.detector] for part in parts] or [0], [len(part) for part in parts] or [0])
        row = np.where(rows["row"] < 0, _LAST_ROW, rows["row"])
        ordered = np.lexsort((rows["alert_class"], rows["entity"], detector, row, rows["time"]))
        return cls(events, rows[ordered], detector[ordered])

    def groups(self, cards: Sequence[DetectorCard]) -> Iterator[tuple[tuple[int, str, int], Array]]:
        """Give the positions of each (detector, entity type, entity), ascending."""
        types = [card.classes[number].entity.type for card in cards for number in range(len(card.classes))]
        codes = {name: code for code, name in enumerate(dict.fromkeys(types))}
        starts = np.cumsum([0, *(len(card.classes) for card in cards)])
        table = np.array([codes[name] for name in types] or [0], np.int16)
        type_ = table[starts[self.detector] + self.rows["alert_class"]]
        entity = self.rows["entity"]
        order = np.lexsort((entity, type_, self.detector))
        cuts = np.flatnonzero(
            (np.diff(self.detector[order]) != 0)
            | (np.diff(type_[order]) != 0)
            | (entity[order][1:] != entity[order][:-1])
        )
        names = list(codes)
        for start, end in pairwise([0, *(cuts + 1), len(order)] if len(order) else [0]):
            first = order[start]
            yield (int(self.detector[first]), names[type_[first]].value, int(entity[first])), order[start:end]

    def measured(self, at: int) -> Measured:
        """Read what one finding measured."""
        row = self.rows[at]
        values = [
            [None if value != value else value for value in row[name].tolist()]  # noqa: PLR0124 - NaN
            for name in ("observed", "threshold", "baseline")
        ]
        return Measured(int(row["confidence"]), *values)


class Run:
    """Findings of one episode in one batch.

    Attributes:
        at: their positions in the batch, ascending.
        triggers: which of them (positions in `at`) may publish a revision, ascending.
        evidence: rows of the events behind them, each once, in order.
    """

    def __init__(self, batch: Batch, card: DetectorCard, at: Array, open_: Episode | None) -> None:
        self.batch = batch
        self.at = at
        self.open = open_
        rows = batch.rows[at] if len(at) < len(batch.rows) else batch.rows
        self._classes = rows["alert_class"]
        self.ranks = ranks_of(rows["severity"], self._classes)
        self.times = rows["time"]
        self._events = rows["row"]
        self._own, self.evidence = _distinct(self._events)
        self.triggers = self._triggers(card)

    def row(self, position: int) -> int:
        """Row of the event behind a finding, -1 for a timer."""
        return int(self._events[position])

    def related(self, position: int) -> Array:
        """Keys of earlier events that belong to a finding."""
        related: Array = self.batch.rows["related"][self.at[position]]
        return related

    def look_back(self, position: int) -> int:
        """Last row of the batch that a finding could know of."""
        row = self.row(position)
        times = self.batch.events["order_time"]
        return row if row >= 0 else int(np.searchsorted(times, self.times[position], "right")) - 1

    def seen(self, position: int) -> int:
        """Number of `evidence` rows up to a finding."""
        return int(np.searchsorted(self._own, position, "right"))

    def class_at(self, position: int) -> int:
        """Class of a finding."""
        return int(self._classes[position])

    def latest_of(self, rank: int, start: int, end: int) -> int | None:
        """Last of the findings [start, end) that has the class of `rank`."""
        found = np.flatnonzero(self._classes[start:end] == class_of(rank))
        return start + int(found[-1]) if len(found) else None

    def needed(self) -> Array:
        """Rows whose text the revisions need."""
        ends = [self.seen(int(position)) for position in self.triggers] + [len(self.evidence)]
        shown = [self.evidence[max(0, end - LAST) : end] for end in ends]
        return np.concatenate([self.evidence[:FIRST], *shown])

    def _triggers(self, card: DetectorCard) -> Array:
        rank, count = (self.open.rank, self.open.count) if self.open else (-1, 0)
        highest = np.maximum.accumulate(np.concatenate([[rank], self.ranks]))
        rises = np.flatnonzero(np.diff(highest) > 0)
        powers = [2**n - count - 1 for n in range(1, (count + len(self.at)).bit_length()) if 2**n > count]
        return np.unique(np.concatenate([rises, np.array(powers, np.int64), *self._news(card)]))

    def _news(self, card: DetectorCard) -> Iterator[Array]:
        """Findings whose event may show an entity for the first time."""
        for number in np.unique(self._classes):
            positions = np.flatnonzero((self._classes == number) & (self._events >= 0))
            kind = card.classes[number]
            for field in (kind.entity, *kind.others):
                yield self._new_in(field, positions)

    def _new_in(self, field: EntityField, positions: Array) -> Array:
        known = self.open.known.get(field.type.value, []) if self.open else []
        if len(known) >= MAX_ENTITIES:
            return np.empty(0, np.int64)
        found = keys(self.batch.events, field, self._events[positions])
        candidates = np.flatnonzero(found)
        if known:
            candidates = candidates[~np.isin(found[candidates], np.array(known, np.uint64))]
        if len(candidates) > 1:
            candidates = candidates[~pd.Series(found[candidates]).duplicated().to_numpy()]
        return positions[candidates[:MAX_ENTITIES]]


def _distinct(rows: Array) -> tuple[Array, Array]:
    """Positions and values where a row other than the one before appears; timers (-1) have none."""
    own = np.flatnonzero(rows >= 0)
    values = rows[own]
    first = np.concatenate([[True], values[1:] != values[:-1]])[: len(own)]
    return own[first], values[first]
