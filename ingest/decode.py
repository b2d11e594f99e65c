"""Records to events: unwrap, redact, normalise, read; whatever cannot be used becomes a dead letter with its reason.

Nothing is dropped without a trace: records = those with events + dead letters + skipped ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from ingest.contract import Refusal, parse, unknown_words, validate
from ingest.envelopes import bare, is_binary, unwrap_binary, unwrap_structured
from ingest.fastpath import FastPath, Joined, Read
from ingest.payloads import NULL_SIZE, Payloads
from ingest.privacy import Secrets, redact, redact_bytes, suspects
from ingest.records import DeadLetter, DeadReason, RawRecords
from ingest.vendors import ADAPTERS, AUTO, FORMATS, NATIVE, Adapter, Skip
from schemas.columns import NULL_TIME
from schemas.events import TokenEvent
from schemas.fields import MAX_RECORD_BYTES, format_time
from schemas.frame import Events

MAX_CLOCK_LEAD: Final = 5 * 60 * 1_000_000
"""µs that an event's time may lie after the broker's timestamp of its record."""

_MAX_ROWS: Final = 16_384  # 64 KiB each still leaves every position within an int32
_EVENT_FIELDS: Final = frozenset(TokenEvent.model_fields)
_WRAPPED_FIRST_BYTES: Final = (0x00, 0xEF)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of a batch of records.

    Attributes:
        events: n events in the order of their records; `order_time` and `late` are left to the order buffer.
        source_row: int32, shape (n,): position in the batch of the record that each event comes from.
        dead: records that could not be used.
        skipped: records without a token event, by kind.
        counters: `token-leaked`, `contract` (judged one by one), `unknown-field`, `unknown-word:<field>`, and what
            vendor adapters repaired.
        unknown_fields: a sample of the names of fields that no event has.
    """

    events: Events
    source_row: npt.NDArray[np.int32]
    dead: list[DeadLetter]
    skipped: Counter[str]
    counters: Counter[str]
    unknown_fields: frozenset[str]

    @classmethod
    def of(cls, events: Events) -> Decoded:
        """Wrap events, one a record, of which nothing is to be said."""
        n = len(events)
        return cls(events, np.arange(n, dtype=np.int32), [], Counter(), Counter(), frozenset[str]())

    def take(self, rows: npt.NDArray[Any] | slice) -> Decoded:
        """Select events; what is said about other records stays."""
        return replace(self, events=self.events.take(rows), source_row=self.source_row[rows])

    @classmethod
    def concat(cls, parts: Sequence[Decoded], starts: Sequence[int]) -> Decoded:
        """Join parts whose records began at `starts` of the whole batch."""
        if len(parts) == 1:
            return parts[0]
        shifted = [part.source_row + np.int32(start) for part, start in zip(parts, starts, strict=True)]
        return cls(
            Events.concat(part.events for part in parts),
            np.concatenate([*shifted, np.empty(0, np.int32)]).astype(np.int32),
            [letter for part in parts for letter in part.dead],
            sum((part.skipped for part in parts), Counter()),
            sum((part.counters for part in parts), Counter()),
            frozenset[str]().union(*(part.unknown_fields for part in parts)),
        )


class Decoder:
    """Decodes batches of records of one format (see `ingest.vendors.FORMATS`). Keeps nothing between batches.

    Raises:
        ValueError: the format is not known.
    """

    def __init__(self, secrets: Secrets, record_format: str = NATIVE) -> None:
        if record_format not in FORMATS:
            raise ValueError(f"unknown format {record_format!r}: one of {', '.join(FORMATS)}")
        self._secrets = secrets
        self._format = record_format
        self._fast = FastPath(secrets)

    def decode(self, raw: RawRecords) -> Decoded:
        """Decode any number of records."""
        starts = range(0, len(raw), _MAX_ROWS)
        if not starts:
            return Decoded.of(Events.empty())
        parts = [_Batch(self._secrets, self._format, self._fast, raw.slice(at, at + _MAX_ROWS)) for at in starts]
        return Decoded.concat([part.decode() for part in parts], starts)

    def bury(self, raw: RawRecords, row: int, reason: DeadReason, detail: str) -> DeadLetter:
        """Make a dead letter of a record that was decoded and is refused later."""
        return _Batch(self._secrets, self._format, self._fast, raw).letter(row, Refusal(reason, detail))


@dataclass(frozen=True, slots=True)
class _Work:
    """Payloads still to be read, none of them null, and the row of the record that each comes from."""

    payloads: Payloads
    rows: npt.NDArray[np.int32]

    def __len__(self) -> int:
        """Number of payloads."""
        return len(self.rows)

    def take(self, chosen: npt.NDArray[Any]) -> _Work:
        """Select some."""
        return _Work(self.payloads.take(chosen), self.rows[chosen])

    def each(self) -> Iterator[tuple[bytes, int]]:
        """Give payloads and rows one by one."""
        return zip(self.payloads.texts(), self.rows.tolist(), strict=True)


class _Collected:
    """Payloads that are made one by one."""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []
        self._rows: list[int] = []

    def add(self, payload: bytes, row: int) -> None:
        """Take one more."""
        self._payloads.append(payload)
        self._rows.append(row)

    def work(self) -> _Work:
        """Give them to the next stage."""
        return _Work(Payloads.of(self._payloads), np.array(self._rows, np.int32))


class _Batch:
    """The way of one batch through the stages; each takes its work and leaves what the next one gets."""

    def __init__(self, secrets: Secrets, record_format: str, fast: FastPath, raw: RawRecords) -> None:
        self._secrets = secrets
        self._format = record_format
        self._fast = fast
        self._raw = raw
        self._leaked = np.zeros(len(raw), np.bool_)
        self._dead: list[DeadLetter] = []
        self._skipped: Counter[str] = Counter()
        self._counters: Counter[str] = Counter()
        self._unknown: set[str] = set()
        self._events: list[Events] = []
        self._rows: list[npt.NDArray[np.int32]] = []

    def decode(self) -> Decoded:
        """Run the stages."""
        work, joined = self._clean(self._intake())
        if self._format != NATIVE:
            # Asking each adapter about each record costs more than all the rest: our own events go past them.
            foreign = self._read(joined, work) if self._format == AUTO else [work]
            work = self._normalise(foreign)
            joined = Joined.of(work.payloads)
        enveloped, *unsure = self._read(joined, work)
        if len(enveloped):
            inner = self._unwrap(enveloped)
            unsure += self._read(Joined.of(inner.payloads), inner)
        plain = self._judge(unsure)
        if len(plain):
            for rest in self._read(Joined.of(plain.payloads), plain):
                for row in rest.rows.tolist():
                    self._bury(row, Refusal(DeadReason.INVALID, "valid, but no column can hold it"))
        return self._result()

    def _intake(self) -> _Work:
        """Set aside tombstones and giants, and complete binary CloudEvents from their headers."""
        values, headers = self._raw.values, self._raw.headers
        rows = np.arange(len(values), dtype=np.int32)
        usable = (values.sizes != NULL_SIZE) & (values.sizes <= MAX_RECORD_BYTES)
        self._skipped["tombstone"] += int(np.count_nonzero(values.sizes == NULL_SIZE))
        for row in np.flatnonzero(values.sizes > MAX_RECORD_BYTES).tolist():
            self._bury(row, Refusal(DeadReason.TOO_LARGE, f"the record has more than {MAX_RECORD_BYTES} bytes"))
        if headers is None:
            return _Work(values, rows).take(usable)
        ready = _Collected()
        for row in np.flatnonzero(usable).tolist():
            if is_binary(headers[row]):
                self._transform(values.text(row), row, partial(unwrap_binary, headers=headers[row]), ready)
            else:
                ready.add(values.text(row), row)
        return ready.work()

    def _transform(
        self, payload: bytes, row: int, change: Callable[[dict[str, Any]], dict[str, Any]], changed: _Collected
    ) -> None:
        record = parse(bare(payload))
        if isinstance(record, Refusal):
            self._bury(row, record)
        else:
            changed.add(orjson.dumps(change(record)), row)

    def _clean(self, work: _Work) -> tuple[_Work, Joined]:
        """Take off prefixes, then replace raw tokens; the usual batch has neither and is only looked at."""
        joined = Joined.of(work.payloads)
        first = joined.data[joined.starts]
        wrapped = np.flatnonzero((first == _WRAPPED_FIRST_BYTES[0]) | (first == _WRAPPED_FIRST_BYTES[1]))
        if len(wrapped):
            work = _replaced(work, {at: bare(work.payloads.text(at)) for at in wrapped.tolist()})
            joined = Joined.of(work.payloads)
        changed = {}
        for at in suspects(joined.data, joined.starts, joined.ends):
            payload = work.payloads.text(at)
            if (clean := redact(payload, self._secrets)) != payload:
                changed[at] = clean
        if changed:
            self._leaked[work.rows[list(changed)]] = True
            work = _replaced(work, changed)
            joined = Joined.of(work.payloads)
        return work, joined

    def _normalise(self, works: Iterable[_Work]) -> _Work:
        """Let the vendor's adapter speak in our terms; one record may give several events."""
        events = _Collected()
        for payload, row in chain.from_iterable(work.each() for work in works):
            record = parse(payload)
            if isinstance(record, Refusal):
                self._bury(row, record)
                continue
            adapter = self._adapter(record)
            result = adapter.normalise(record, self._counters) if adapter else [record]
            if isinstance(result, Skip):
                self._skipped[result.code] += 1
                continue
            for event in result:
                events.add(orjson.dumps(event), row)
        return events.work()

    def _adapter(self, record: dict[str, Any]) -> Adapter | None:
        if self._format != AUTO:
            return ADAPTERS[self._format]
        return next((adapter for adapter in ADAPTERS.values() if adapter.recognises(record)), None)

    def _read(self, joined: Joined, work: _Work) -> tuple[_Work, _Work]:
        """Keep the events of what is plainly valid; give back the CloudEvents, and the rest."""
        if not len(work):
            return work, work
        read = self._fast.read(joined, work.payloads)
        self._events.append(read.events)
        self._rows.append(work.rows[read.accepted])
        self._count(read)
        return work.take(~read.accepted & read.enveloped), work.take(~read.accepted & ~read.enveloped)

    def _count(self, read: Read) -> None:
        self._counters["unknown-field"] += read.unknown_fields
        self._unknown |= read.unknown_names
        for name, count in read.unknown_words.items():
            self._counters[f"unknown-word:{name}"] += count

    def _unwrap(self, work: _Work) -> _Work:
        inner = _Collected()
        for payload, row in work.each():
            self._transform(payload, row, unwrap_structured, inner)
        return inner.work()

    def _judge(self, works: Iterable[_Work]) -> _Work:
        """Ask the contract, record by record."""
        plain = _Collected()
        for payload, row in chain.from_iterable(work.each() for work in works):
            self._counters["contract"] += 1
            record = parse(payload)
            verdict = record if isinstance(record, Refusal) else validate(record)
            if isinstance(verdict, Refusal):
                self._bury(row, verdict)
            elif isinstance(record, dict):
                plain.add(verdict, row)
                self._counters["unknown-field"] += len(record.keys() - _EVENT_FIELDS)
                self._counters.update(f"unknown-word:{name}" for name in unknown_words(record))
        return plain.work()

    def _result(self) -> Decoded:
        events = Events.concat(self._events)
        rows = np.concatenate([*self._rows, np.empty(0, np.int32)]).astype(np.int32)
        if len(self._rows) > 1:
            order = np.argsort(rows, kind="stable")
            events, rows = events.take(order), rows[order]
        broker = self._raw.record_time[rows]
        future = (broker != NULL_TIME) & (events["time"] - MAX_CLOCK_LEAD > broker)
        for at in np.flatnonzero(future):
            lead = f"time: {format_time(int(events['time'][at]))} is over 5 minutes after the broker's"
            self._bury(int(rows[at]), Refusal(DeadReason.FUTURE_TIME, f"{lead} {format_time(int(broker[at]))}"))
        if future.any():
            events, rows = events.take(~future), rows[~future]
        if self._leaked.any():
            events = events.with_columns(leaked=self._leaked[rows])
            self._counters["token-leaked"] += int(self._leaked.sum())
        self._dead.sort(key=lambda letter: letter.offset)
        return Decoded(events, rows, self._dead, +self._skipped, +self._counters, frozenset(self._unknown))

    def _bury(self, row: int, refusal: Refusal) -> None:
        self._dead.append(self.letter(row, refusal))

    def letter(self, row: int, refusal: Refusal) -> DeadLetter:
        """Make a dead letter; nothing in it may hold a raw token."""
        raw, value = self._raw, self._raw.values[row]
        time = int(raw.record_time[row])
        letter = DeadLetter(
            refusal.reason,
            refusal.detail,
            None if value is None else redact_bytes(bare(value), self._secrets),
            raw.origin,
            int(raw.partition[row]),
            int(raw.offsets[row]),
            None if time == NULL_TIME else time,
            self._redacted_key(row),
            [
                (redact(name.encode(), self._secrets).decode("utf-8", "replace"), redact_bytes(text, self._secrets))
                for name, text in (raw.headers[row] if raw.headers else ())
            ],
        )
        return letter.bounded()

    def _redacted_key(self, row: int) -> bytes | None:
        key = self._raw.keys[row] if self._raw.keys else None
        return None if key is None else redact_bytes(key, self._secrets)


def _replaced(work: _Work, changes: Mapping[int, bytes]) -> _Work:
    """Put other payloads in the place of some."""
    payloads = list(work.payloads.texts())
    for at, payload in changes.items():
        payloads[at] = payload
    return _Work(Payloads.of(payloads), work.rows)
