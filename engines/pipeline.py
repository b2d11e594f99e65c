"""The pipeline: decoded events in, alerts out. Pure but for its state; live worker, replay and tests run this one.

Order → detectors → alerts, with counts on the way. Everything it remembers is in `parts` (durable piece by piece) and
`blobs` (small, written whole): both, and the input from there on, give every later alert again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from alerts.allowed import AllowRule
from alerts.shadow import shadowed
from alerts.stream import AlertChanges, AlertStream
from detectors import run
from detectors.base import Detector, State, micros
from engines import rollups
from engines.chunks import arrow_bytes
from engines.coverage import Coverage
from engines.decoding import Batch
from engines.keybook import KeyBook
from engines.refused import Refused
from engines.snapshots import Blob, Part
from ingest.order import OrderBuffer
from ingest.records import DeadLetter, DeadReason
from schemas.fields import format_time
from schemas.frame import Events
from schemas.vocabulary import EventType

_PENDING: Final = "pending"
_CLOCKS: Final = "clocks"
_REFUSED: Final = "refused"
_COVERAGE: Final = "coverage"
_ALERTS: Final = "alerts/"
_SHADOWS: Final = "shadows/"


class Pipeline:
    """State and flow of one stream.

    Args:
        detectors: type → detector; their order decides between findings of one event.
        lateness: how late an event may come after newer ones of its partition.
        horizon: how far back duplicates are known.
        allow: findings that raise no alert, by rule.
        keys: what is known of keys, if anything.
        shadow: types of detectors on trial.
    """

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        *,
        lateness: timedelta,
        horizon: timedelta,
        allow: Sequence[AllowRule] = (),
        keys: KeyBook | None = None,
        shadow: Collection[str] = (),
    ) -> None:
        self.detectors = dict(detectors)
        self.order = OrderBuffer(micros(lateness), micros(horizon))
        cards = [detector.card() for detector in detectors.values()]
        self.alerts = AlertStream([card for card in cards if card.type not in shadow], allow=allow)
        self._shadow = frozenset(shadow)
        tried = [card for card in cards if card.type in shadow]
        self._shadows = AlertStream(tried, allow=allow) if tried else None
        self.counts = rollups.new_table(micros(horizon + lateness))
        self.refused = Refused()
        needs = [name for detector in detectors.values() for name in detector.needs]
        self.coverage = Coverage(needs, micros(horizon + lateness))
        self.events = 0
        self.types = np.zeros(len(EventType), np.int64)
        self._keys = keys
        self._states: dict[str, State] = {name: detector.new_state() for name, detector in detectors.items()}
        self._tokens = run.tokens_for(detectors.values())

    def take(self, batch: Batch) -> list[DeadLetter]:
        """Take in a decoded batch; give the dead letters of events that were too late."""
        rows = batch.decoded.source_row
        raw = batch.raw
        refused = self.order.add(batch.decoded.events, raw.partition[rows], raw.record_time[rows])
        return [batch.bury(int(row), DeadReason.TOO_LATE, self._too_late()) for row in np.unique(rows[refused])]

    def _too_late(self) -> str:
        return f"time: older than the horizon of duplicates behind {format_time(self.order.watermark)}"

    def advance(self, active: Collection[int]) -> AlertChanges:
        """Judge what is due, given the partitions that may still bring events."""
        return self._judge(self.order.advance(active))

    def advance_to(self, watermark: int) -> AlertChanges:
        """Judge what was due at a watermark that is known."""
        return self._judge(self.order.advance_to(watermark))

    def flush(self) -> AlertChanges:
        """Judge everything: the input has ended, or was silent for longer than the lateness."""
        return self._judge(self.order.flush())

    def _judge(self, events: Events) -> AlertChanges:
        watermark = self.order.watermark
        self.events += len(events)
        self.types += np.bincount(events["type"], minlength=len(EventType))
        if self._tokens is not None:
            events = self._tokens.trace(events)
        inventory = self._keys.inventory if self._keys else None
        if inventory is not None:
            events = inventory.describe(events)
        rollups.count(self.counts, events)
        self.coverage.count(events)
        findings = run.step(self.detectors, self._states, events, watermark, inventory=inventory)
        changes = self.alerts.fold([each for each in findings if each.detector not in self._shadow], events, watermark)
        if self._shadows is None:
            return changes
        tried = [each for each in findings if each.detector in self._shadow]
        return replace(changes, shadows=shadowed(self._shadows, tried, events, watermark))

    def client_name(self, key: int) -> str:
        """Give the client id behind a key; the key itself where the directory has forgotten it."""
        name = self.alerts.name_of(key)
        return name[0] if name else f"#{key:016x}"

    def parts(self) -> dict[str, Part]:
        """State that is saved piece by piece, by name."""
        named: dict[str, Part] = {
            f"{name}/{part}": state[part] for name, state in self._states.items() for part in state
        }
        if self._tokens is not None:
            named["tokens"] = self._tokens.table
        return {**named, "seen": self.order.seen, "rollups": self.counts}

    def blobs(self) -> dict[str, Blob]:
        """State that is saved whole, by name; what takes long to write is given as a function over a copy."""
        clocks = {
            "watermark": self.order.watermark,
            "clocks": {str(number): clock for number, clock in self.order.clocks.items()},
            "events": self.events,
            "late": self.order.counters.late,
            "duplicate": self.order.counters.duplicate,
            "too_late": self.order.counters.too_late,
        }
        pending = self.order.pending()
        return {
            _PENDING: lambda: arrow_bytes(pending.to_arrow()),
            _CLOCKS: orjson.dumps(clocks),
            _REFUSED: self.refused.dump(),
            _COVERAGE: self.coverage.dump(),
            **_named(_ALERTS, self.alerts),
            **(_named(_SHADOWS, self._shadows) if self._shadows else {}),
        }

    def restore_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Put back what `blobs` gave; `parts` are restored apart."""
        self.order.restore(Events.from_arrow(pa.ipc.open_stream(blobs[_PENDING]).read_all()))
        clocks = orjson.loads(blobs[_CLOCKS])
        self.order.watermark = clocks["watermark"]
        self.order.clocks = {int(number): clock for number, clock in clocks["clocks"].items()}
        self.events = clocks["events"]
        self.order.counters.late = clocks["late"]
        self.order.counters.duplicate = clocks["duplicate"]
        self.order.counters.too_late = clocks["too_late"]
        self.refused.load(blobs[_REFUSED])
        self.coverage.load(blobs[_COVERAGE])
        self.alerts.load(_own(_ALERTS, blobs))
        if self._shadows is not None and (stored := _own(_SHADOWS, blobs)):
            self._shadows.load(stored)


def _named(prefix: str, stream: AlertStream) -> dict[str, Blob]:
    return {f"{prefix}{name}": data for name, data in stream.dump().items()}


def _own(prefix: str, blobs: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name.removeprefix(prefix): data for name, data in blobs.items() if name.startswith(prefix)}
