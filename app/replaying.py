"""Replays as the command line asks for them: which source, which settings, how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from alerts.stream import AlertChanges
from app.brokers import ANSWER, named_errors
from app.settings import Settings
from app.streams import TopicUrl, topic_url
from app.wiring import event_queries, key_book, new_pipeline, secrets_or_default
from engines.decoding import Batch, DecodeAhead
from engines.keybook import KeyBook
from engines.replay import Replay
from ingest.decode import Decoded, Decoder
from ingest.files import BATCH_ROWS, FileInput, find_inputs
from ingest.kafka_source import KafkaSource
from ingest.reading import Files
from ingest.records import DeadLetter, RawRecords
from ingest.stored import StoredEvents
from schemas.errors import ConfigError, SourceError
from schemas.fields import LATEST_TIME
from schemas.frame import Events
from store.engine import connect
from store.events import EventQueries
from store.migrate import require_current

LAKE: Final = "lake:"
POLL_SECONDS: Final = 0.2
QUIET_SECONDS: Final = 10.0
"""Silence after which the broker is asked whether it is still there."""


class Input(Protocol):
    """A finite source of records."""

    def __iter__(self) -> Iterator[RawRecords]:
        """Read it to its end."""

    @property
    def active(self) -> Collection[int]:
        """Partitions that may still bring events."""

    @property
    def progress(self) -> tuple[int, int | None]:
        """How much was read, and of how much, in whatever unit fits."""

    @property
    def faults(self) -> list[DeadLetter]:
        """What could not be read at all."""


@dataclass(slots=True)
class Job:
    """One replay over one input.

    Attributes:
        keys: what it knows of keys.
        note: sees the events of each batch as they were read, duplicates included.
    """

    replay: Replay
    decoder: Decoder
    source: Input
    keys: KeyBook | None = None
    note: Callable[[Events], None] | None = None

    def run(self) -> Iterator[AlertChanges]:
        """Replay the input to its end; see `Replay.run`."""
        with DecodeAhead(self.decoder) as ahead:
            batches = self._noted(ahead.through(self.source))
            yield from self.replay.run(batches, lambda: {*self.source.active, *ahead.partitions})
        self.replay.tally.refused.update(fault.reason.value for fault in self.source.faults)
        self.replay.dead = self.source.faults

    def _noted(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if self.note is not None:
                self.note(batch.decoded.events)
            yield batch

    @property
    def progress(self) -> tuple[int, int | None]:
        """How much was read, and of how much."""
        return self.source.progress


class FileInputs:
    """Files, folders and standard input."""

    def __init__(self, inputs: Sequence[FileInput], files: Files) -> None:
        self._inputs = inputs
        self._files = files

    def __iter__(self) -> Iterator[RawRecords]:
        """Read all of them."""
        return iter(self._files)

    @property
    def active(self) -> set[int]:
        """Inputs being read."""
        return self._files.active

    @property
    def progress(self) -> tuple[int, int | None]:
        """Bytes."""
        total = sum(source.bytes_total for source in self._inputs)
        return sum(source.bytes_read for source in self._inputs), total or None

    @property
    def faults(self) -> list[DeadLetter]:
        """Inputs that end too early or are damaged."""
        return [fault for source in self._inputs for fault in source.faults]


class TopicInput:
    """A topic up to the ends its partitions have now."""

    def __init__(self, url: TopicUrl) -> None:
        self._place = url.place
        with named_errors(url.place):
            self._source = KafkaSource(url.topic, {"bootstrap_servers": url.bootstrap, **ANSWER}, offsets={})
            self._begin = dict(self._source.delivered)
            self._ends = self._source.ends()
        self.faults: list[DeadLetter] = []

    def __iter__(self) -> Iterator[RawRecords]:
        """Read what the topic held at the start.

        Raises:
            SourceError: the broker went away.
        """
        heard = time.monotonic()
        try:
            while self.active:
                with named_errors(self._place):
                    polled = self._source.poll(POLL_SECONDS)
                    if time.monotonic() - heard > QUIET_SECONDS:
                        self._source.ends()
                        heard = time.monotonic()
                self.faults += polled.markers
                if len(polled.records):
                    yield polled.records
                    heard = time.monotonic()
        finally:
            self._source.close()

    @property
    def active(self) -> set[int]:
        """Partitions not yet read to their end."""
        return {number for number, end in self._ends.items() if not self._source.has_reached(number, end)}

    @property
    def progress(self) -> tuple[int, int | None]:
        """Records."""
        total = sum(self._ends[number] - begin for number, begin in self._begin.items())
        return sum(self._source.delivered[number] - begin for number, begin in self._begin.items()), total


class LakeInput:
    """Events that a worker kept.

    Args:
        queries: of its lake.
        stored: reads what they give.
        window: event times, [from, to) in µs; only files of that time are opened.
        as_seen: in order of arrival instead of time.
    """

    def __init__(
        self, queries: EventQueries, stored: StoredEvents, window: tuple[int | None, int | None], *, as_seen: bool
    ) -> None:
        self._queries, self._stored, self._window, self.as_seen = queries, stored, window, as_seen
        self._total = sum(segment.rows for segment in queries.segments(*window))
        self._read = 0
        self.active = {0}
        self.faults: list[DeadLetter] = []

    def __iter__(self) -> Iterator[RawRecords]:
        """Give nothing: what was kept has no records any more; see `batches`."""
        return iter(())

    def batches(self, decoder: Decoder) -> Iterator[tuple[Batch, int]]:
        """Give the events, and the watermark the worker had when they came.

        Raises:
            LakeError: files are missing or damaged.
        """
        for table in self._queries.stream("arrival" if self.as_seen else "time", *self._window):
            watermarks = table["watermark"].to_numpy()
            cuts = [0, *(np.flatnonzero(np.diff(watermarks)) + 1).tolist()] if self.as_seen else [0]
            for start, stop in zip(cuts, [*cuts[1:], table.num_rows], strict=True):
                events = self._stored.read(table.slice(start, stop - start))
                raw = RawRecords.of([None] * len(events), LAKE)
                self._read += len(events)
                yield Batch(raw, Decoded.of(events), decoder), int(watermarks[start])

    @property
    def progress(self) -> tuple[int, int | None]:
        """Events; of how many is known where no time was chosen."""
        return self._read, self._total if self._window == (None, None) else None


@dataclass(slots=True)
class LakeJob(Job):
    """One replay over a lake."""

    lake: LakeInput | None = None

    def run(self) -> Iterator[AlertChanges]:
        """Replay the events to their end."""
        if self.lake is None:
            raise RuntimeError("a lake job without a lake")
        pairs = self.lake.batches(self.decoder)
        if self.lake.as_seen:
            return self.replay.run_as_seen(self._seen(pairs))
        return self.replay.run((batch for batch, _ in self._seen(pairs)), lambda: {0})

    def _seen(self, pairs: Iterator[tuple[Batch, int]]) -> Iterator[tuple[Batch, int]]:
        for batch, watermark in pairs:
            if self.note is not None:
                self.note(batch.decoded.events)
            yield batch, watermark


def replay_of(
    settings: Settings,
    sources: Sequence[str],
    *,
    record_format: str,
    window: tuple[int | None, int | None] = (None, None),
    batch_size: int = BATCH_ROWS,
    stopped: Callable[[], bool] | None = None,
    as_seen: bool = False,
) -> Job:
    """Build a replay. With `stopped` files are followed as they grow, until it says so.

    Raises:
        ConfigError: an unknown format; a topic or the lake together with other sources, or followed; `as_seen` of
            anything but the lake.
        StoreError: the lake's store cannot be read.
        SourceError: an input does not exist, or what was recorded of keys cannot be read.
    """
    keys = secrets_or_default()
    try:
        decoder = Decoder(keys, record_format)
    except ValueError as error:
        raise ConfigError(str(error), place="--format") from error
    book = key_book(settings, keys)
    pipeline = new_pipeline(settings, book)
    start, end = window
    clip = None if start is None and end is None else (start or 0, LATEST_TIME if end is None else end)
    replay = Replay(pipeline, clip)
    if any(text.startswith(LAKE) for text in sources):
        _refuse_mixed(sources, stopped)
        lake = _lake(settings, sources[0], StoredEvents(keys), window, as_seen=as_seen)
        return LakeJob(replay, decoder, lake, book, lake=lake)
    if as_seen:
        raise ConfigError("only the lake knows what was seen when", place="--as-seen", next_step="replay lake:")
    urls = [topic_url(text) for text in sources]
    if urls[0] is not None:
        if len(urls) > 1:
            raise ConfigError("a topic is replayed alone", place=sources[0], next_step="give one topic, or files")
        if stopped is not None:
            raise ConfigError(
                "a topic is replayed to its end of now", place="--follow", next_step="`tokentrail run` follows topics"
            )
        return Job(replay, decoder, TopicInput(urls[0]), book)
    inputs = _inputs(sources)

    def first_time(raw: RawRecords) -> int | None:
        times = decoder.decode(raw).events["time"]
        return int(times.min()) if len(times) else None

    files = Files(inputs, first_time, pipeline.order.clocks, batch_size, stopped)
    return Job(replay, decoder, FileInputs(inputs, files), book)


def _refuse_mixed(sources: Sequence[str], stopped: Callable[[], bool] | None) -> None:
    if len(sources) > 1:
        raise ConfigError("is replayed alone", place=LAKE, next_step="give the lake, or files")
    if stopped is not None:
        raise ConfigError("the lake is replayed to its end of now", place="--follow", next_step="leave it out")


def _lake(
    settings: Settings,
    source: str,
    stored: StoredEvents,
    window: tuple[int | None, int | None],
    *,
    as_seen: bool,
) -> LakeInput:
    """Open the lake of the store in the settings; after `lake:` may stand where its folder lies now."""
    place = source.removeprefix(LAKE)
    database = connect(settings.store.url, must_exist=True)
    require_current(database)
    queries = event_queries(settings, database, Path(place) if place else None)
    found = LakeInput(queries, stored, window, as_seen=as_seen)
    if not queries.segments():
        raise SourceError(
            "the store lists no events", place=source, next_step="a worker with [lake] enabled keeps them"
        )
    return found


def _inputs(paths: Sequence[str]) -> list[FileInput]:
    try:
        return find_inputs(paths)
    except FileNotFoundError as error:
        raise SourceError(str(error), next_step="check the path") from error
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}", place=str(error.filename), next_step="check its rights"
        ) from error
