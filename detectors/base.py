"""The contract of a detector: a frozen model of parameters, a card of class facts, and one method, `step`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict

from detectors.inventory import Inventory
from detectors.tables import Table
from detectors.windows import Window
from schemas.catalogue import AlertClass, DetectorCard, EntityField, Metric, Unit
from schemas.fields import micros
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType

__all__ = ["AlertClass", "Detector", "EntityField", "Metric", "State", "Unit", "micros"]

State: TypeAlias = dict[str, Table | Window]
"""All a detector remembers: named parts, each of which a checkpoint can write and read back."""


class Detector(BaseModel, ABC):
    """A detector: parameters as fields, facts as class variables, `step` as behaviour.

    The class docstring has the sections Claim, Why it matters, Fires when, Stays quiet when, Blind spots, Formula,
    Parameters, Example, Next steps, References: documentation, dashboard help and alert text are cut from it.

    The laws every detector keeps (checked for all of them in tests/detectors/test_laws.py): any cut of the stream
    gives the same findings; within one dimension keys are independent; writing the state out and back changes
    nothing; inputs are not written to; state is bounded; placeholders form no group; late rows never raise; a flood
    on one key changes nothing for others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]
    """The word used in config, alerts and docs; the file's name with hyphens."""
    version: ClassVar[int] = 1
    """Rises when the same events give other alerts."""
    title: ClassVar[str]
    kinds: ClassVar[frozenset[EventType]]
    """Event types it looks at."""
    keys: ClassVar[tuple[str, ...]]
    """Key columns that are its dimensions. Each has its own state; they are never mixed."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Columns without which it is blind; `column=word`: where no event of a source has that word."""
    warm_up: ClassVar[timedelta] = timedelta(0)
    """How long it learns from a source before it is as sure as it says."""
    traced: ClassVar[bool] = False
    """It looks at what was said at a token's issue (`schemas.columns.TRACED`) though it is not blind without."""
    classes: ClassVar[tuple[AlertClass, ...]]
    cool_down: ClassVar[timedelta]
    """A finding this long after the previous one on the same entity starts a new episode."""
    references: ClassVar[tuple[str, ...]] = ()
    false_positives: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def card(cls) -> DetectorCard:
        """Give the class facts without the behaviour."""
        return DetectorCard(
            type=cls.type,
            version=cls.version,
            title=cls.title,
            classes=cls.classes,
            cool_down=cls.cool_down,
            needs=cls.needs,
            keys=cls.keys,
            references=cls.references,
            false_positives=cls.false_positives,
        )

    def new_state(self) -> State:
        """Give the empty state; none, for detectors that look at single events."""
        return {}

    def learn(self, events: Events, watermark: int, state: State) -> None:
        """Update what the detector knows of *other* keys (its peers); nothing, for most detectors.

        Called before `step` with all events of the batch. What is learned within one UTC hour must be invisible to
        `step` until the next: batches never span an hour, so that every cut sees the same.
        """

    def consult(self, inventory: Inventory, state: State) -> None:
        """Look up what the detector waits to hear of keys; nothing, for most detectors. Called before each batch.

        What the inventory says by now must not change what was due before.
        """

    @abstractmethod
    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Check one batch.

        Args:
            events: all events of the stream since the last call, of every type, ordered by `order_time`; within one
                UTC hour of it.
            watermark: no later event has an `order_time` at or below it, µs. Timers due by then fire.
            state: as `new_state` gave it; changed in place.
        """
