"""A small detector that keeps the laws, and one for each way of breaking them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, State, micros
from detectors.kernels import column, kernel
from detectors.tables import Table, TableView, upsert
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.vocabulary import Confidence, EntityRole, EntityType, EventType, Severity


@kernel
def _tally(
    table: TableView, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> None:
    for row in range(keys.size):
        if keys[row] != 0:
            slot = upsert(table, keys[row], times[row])
            table.rows[slot].count += 1
            counts[row] = table.rows[slot].count


class Honest(Detector):
    """Fires at every fifth event of a subject: a detector that keeps the laws."""

    type: ClassVar[str] = "honest"
    title: ClassVar[str] = "Fifth event"
    kinds: ClassVar[frozenset[EventType]] = frozenset(EventType)
    keys: ClassVar[tuple[str, ...]] = ("sub",)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass("fifth", "Fifth", "", Severity.LOW, EntityField(EntityType.USER, "sub", EntityRole.VICTIM)),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=1)

    every: int = Field(5, ge=2, le=9, description="Fire at every so manieth event.")

    def new_state(self) -> State:
        return {"seen": Table([("count", np.int64)], ttl=micros(timedelta(days=2)))}

    def step(self, events: Events, watermark: int, state: State) -> Findings:
        del watermark
        keys, times = column(events, "sub"), column(events, "order_time")
        rows = np.flatnonzero(self.fires(keys, times, state))
        found = np.zeros(len(rows), FINDING)
        found["row"], found["entity"], found["time"] = rows, keys[rows], times[rows]
        found["severity"], found["confidence"] = Severity.LOW, Confidence.HIGH
        return Findings.of(self.type, found)

    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        seen = state["seen"]
        assert isinstance(seen, Table)
        counts = np.zeros(len(keys), np.int64)
        _tally(seen.view(len(keys), int(times[0]) if len(times) else 0), keys, times, counts)
        return (counts > 0) & (counts % self.every == 0)


class Mute(Honest):
    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        return super().fires(keys, times, state) & False


class CountsWithinTheBatch(Honest):
    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        state.update(self.new_state())
        return super().fires(keys, times, state)


class CountsEverybodyTogether(Honest):
    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        return super().fires(np.where(keys == 0, np.uint64(0), np.uint64(1)), times, state)


class HidesItsChanges(Honest):
    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        fired = super().fires(keys, times, state)
        seen = state["seen"]
        assert isinstance(seen, Table)
        seen._dirty[:] = False
        return fired


class WritesToItsInput(Honest):
    def step(self, events: Events, watermark: int, state: State) -> Findings:
        if len(events):
            events["time"][0] += 1
        return super().step(events, watermark, state)


class SaysNothingOfNoType(Honest):
    def step(self, events: Events, watermark: int, state: State) -> Findings:
        if not len(events):
            return Findings(self.type, np.empty(0))
        return super().step(events, watermark, state)


class ForgetsNobody(Honest):
    def new_state(self) -> State:
        return {"seen": Table([("count", np.int64)], ttl=micros(timedelta(days=365_000)))}


class GroupsStrangers(Honest):
    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        return super().fires(np.where(keys == 0, np.uint64(77), keys), times, state)


class KeepsNobody(Honest):
    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        seen = state["seen"]
        assert isinstance(seen, Table)
        upsert(seen.view(1, 0), np.uint64(0), 0)
        return super().fires(keys, times, state) & (keys != 0)


class SpeaksOfThePast(Honest):
    def step(self, events: Events, watermark: int, state: State) -> Findings:
        findings = super().step(events, watermark, state)
        findings.rows["time"] = events["time"][findings.rows["row"]]
        return findings


class RaisesOnLateRows(Honest):
    def step(self, events: Events, watermark: int, state: State) -> Findings:
        assert not (events["time"] < events["order_time"] - micros(timedelta(days=20))).any()
        return super().step(events, watermark, state)


class EvictsOthers(Honest):
    def fires(self, keys: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], state: State) -> Any:
        if len(state["seen"]) > 1_000:
            state.update(self.new_state())
        return super().fires(keys, times, state)
