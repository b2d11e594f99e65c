"""Replay: a finite source through the same pipeline, with nothing written anywhere but to the caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from alerts.stream import AlertChanges
from engines.decoding import Batch
from engines.pipeline import Pipeline
from ingest.records import DeadLetter


@dataclass(slots=True)
class Tally:
    """What became of the records of a run."""

    records: int = 0
    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch, dead: list[DeadLetter]) -> None:
        """Count one batch and its dead letters."""
        self.records += len(batch.raw)
        self.refused.update(letter.reason.value for letter in dead)
        self.skipped.update(batch.decoded.skipped)
        self.noticed.update(batch.decoded.counters)


@dataclass(slots=True)
class Replay:
    """One run over a finite source.

    Attributes:
        pipeline: fresh.
        window: event times to judge, [from, to) in µs; others are passed over.
        tally: what became of the records so far.
        dead: dead letters of the latest batch.
    """

    pipeline: Pipeline
    window: tuple[int, int] | None = None
    tally: Tally = field(default_factory=Tally)
    dead: list[DeadLetter] = field(default_factory=list)

    def run(self, batches: Iterable[Batch], active: Callable[[], Collection[int]]) -> Iterator[AlertChanges]:
        """Give what each batch brings, in order, and at the end what was still waiting.

        Args:
            batches: decoded, in the order of reading.
            active: partitions that may still bring events, asked after each batch was taken in.
        """
        for batch in batches:
            too_late = self.pipeline.take(self._clipped(batch))
            self.dead = [*batch.decoded.dead, *too_late]
            self.tally.add(batch, self.dead)
            yield self.pipeline.advance(active())
        self.dead = []
        yield self.pipeline.flush()
        self.tally.events = self.pipeline.events

    def run_as_seen(self, batches: Iterable[tuple[Batch, int]]) -> Iterator[AlertChanges]:
        """Judge events as a worker did that took them in: what was late is late again.

        Args:
            batches: in order of arrival, each with the watermark that the worker had when it came, µs.
        """
        for batch, watermark in batches:
            due = self.pipeline.advance_to(watermark)
            self.dead = self.pipeline.take(batch)
            self.tally.add(batch, self.dead)
            yield due
        self.dead = []
        yield self.pipeline.flush()
        self.tally.events = self.pipeline.events

    def _clipped(self, batch: Batch) -> Batch:
        if self.window is None:
            return batch
        times = batch.decoded.events["time"]
        return batch.only((times >= self.window[0]) & (times < self.window[1]))
