"""Replay: a finite source through the same pipeline, with nothing written anywhere but to the caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engines.decoding import Batch, decoded
from engines.pipeline import Pipeline
from ingest.decode import Decoder
from ingest.records import DeadLetter, RawRecords
from schemas.revisions import Revision


@dataclass(slots=True)
class Tally:
    """What became of the records of a run."""

    records: int = 0
    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch, too_late: list[DeadLetter]) -> None:
        """Count one batch."""
        self.records += len(batch.raw)
        self.refused.update(letter.reason.value for letter in (*batch.decoded.dead, *too_late))
        self.skipped.update(batch.decoded.skipped)
        self.noticed.update(batch.decoded.counters)


@dataclass(slots=True)
class Replay:
    """One run over a finite source.

    Args:
        decoder: for the format of the source.
        pipeline: fresh.
        window: event times to judge, [from, to) in µs; others are passed over.
    """

    decoder: Decoder
    pipeline: Pipeline
    window: tuple[int, int] | None = None
    tally: Tally = field(default_factory=Tally)
    dead: list[DeadLetter] = field(default_factory=list)

    def run(self, batches: Iterable[RawRecords]) -> Iterator[list[Revision]]:
        """Give the revisions that each batch brings, in order; the last ones when the source has ended."""
        partitions: set[int] = set()
        for batch in decoded(self.decoder, batches):
            partitions.update(batch.raw.partition.tolist())
            clipped = self._clip(batch)
            too_late = self.pipeline.take(clipped)
            self.tally.add(batch, too_late)
            self.dead = [*batch.decoded.dead, *too_late]
            yield self.pipeline.advance(partitions).revisions
        self.dead = []
        yield self.pipeline.flush().revisions
        self.tally.events = self.pipeline.events

    def _clip(self, batch: Batch) -> Batch:
        if self.window is None:
            return batch
        times = batch.decoded.events["time"]
        return batch.only((times >= self.window[0]) & (times < self.window[1]))
