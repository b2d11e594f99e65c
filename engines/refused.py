"""Counts of refused records per minute and reason, as part of the checkpoint.

The minute is that of the record's Kafka timestamp: event time is known of few refused records, and the broker gives the
same timestamp again when a record is read again after a crash. The counts are absolute, so work done twice writes the
same totals. A record without a timestamp, as of a batch that cannot be unpacked, counts at the time that its partition
had reached, or else the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from ingest.records import DeadLetter
from store.checkpoints import DeadLetterCount

MINUTE: Final = 60_000_000
KEPT: Final = 2_000
"""Totals kept. Producers choose timestamps, so what is older than these counts in the oldest minute that is kept."""


class Refused:
    """Totals by minute and reason."""

    def __init__(self) -> None:
        self._totals: dict[tuple[int, str], int] = {}
        self._changed: set[tuple[int, str]] = set()
        self._oldest = 0

    def add(self, letters: Iterable[DeadLetter], clocks: Mapping[int, int]) -> None:
        """Count letters.

        Args:
            letters: in the order of their partitions.
            clocks: partition → event time reached so far, µs.
        """
        for letter in letters:
            time = letter.record_time
            if time is None:
                time = clocks.get(letter.partition, max(clocks.values(), default=0))
            key = max(time - time % MINUTE, self._oldest), letter.reason.value
            self._totals[key] = self._totals.get(key, 0) + 1
            self._changed.add(key)

    def changes(self) -> list[DeadLetterCount]:
        """Give the totals that changed since the last call; then forget the oldest beyond `KEPT`.

        Call before `dump`, so that what is restored has forgotten the same.
        """
        changed = [DeadLetterCount(*key, self._totals[key]) for key in sorted(self._changed)]
        self._changed.clear()
        if len(self._totals) > KEPT:
            self._oldest = sorted(self._totals)[-KEPT][0]
            self._totals = {key: count for key, count in self._totals.items() if key[0] >= self._oldest}
        return changed

    def dump(self) -> bytes:
        """Write everything."""
        return orjson.dumps({"oldest": self._oldest, "totals": [[*key, n] for key, n in self._totals.items()]})

    def load(self, data: bytes) -> None:
        """Put back what `dump` wrote."""
        stored = orjson.loads(data)
        self._oldest = stored["oldest"]
        self._totals = {(minute, reason): count for minute, reason, count in stored["totals"]}
        self._changed.clear()
