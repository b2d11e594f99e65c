"""Findings: what a detector says about single events, before `alerts` folds them into episodes.

A finding is one row of a NumPy structured array, so that an attack of a million events stays an array operation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MAX_METRICS: Final = 4
MAX_RELATED: Final = 4

FINDING: Final = np.dtype(
    [
        ("time", np.int64),
        ("row", np.int64),
        ("entity", np.uint64),
        ("alert_class", np.int16),
        ("severity", np.int8),
        ("confidence", np.int8),
        ("observed", np.float64, (MAX_METRICS,)),
        ("threshold", np.float64, (MAX_METRICS,)),
        ("baseline", np.float64, (MAX_METRICS,)),
        ("related", np.uint64, (MAX_RELATED,)),
    ]
)
"""One finding.

- `time`: `order_time` of the event that raised it, µs; of a timer, its deadline.
- `row`: position of that event in the batch; -1 for a timer.
- `entity`: the state key (hash) the finding is about; its type is the alert class's.
- `alert_class`: position in the detector's `classes`.
- `observed`, `threshold`, `baseline`: one value for each of the class's metrics, NaN where there is none.
- `related`: `event_key`s of earlier events that belong to the evidence, 0 for none.
"""

FINDING_DECIMALS: Final = 6
"""Findings are rounded to this many decimals: sums of floats differ in the last bits with the cut of the batches."""


@dataclass(frozen=True)
class Findings:
    """Findings of one detector on one batch, in order of (time, row)."""

    detector: str
    rows: npt.NDArray[Any]

    def __len__(self) -> int:
        """Number of findings."""
        return len(self.rows)

    @classmethod
    def empty(cls, detector: str) -> Findings:
        """No findings."""
        return cls(detector, np.empty(0, FINDING))

    @classmethod
    def of(cls, detector: str, rows: npt.NDArray[Any]) -> Findings:
        """Order and round raw rows of dtype `FINDING`, shape (n,); among equals the order given is kept."""
        ordered = rows[np.lexsort((rows["row"], rows["time"]))]
        for name in ("observed", "threshold", "baseline"):
            ordered[name] = np.round(ordered[name], FINDING_DECIMALS)
        return cls(detector, ordered)

    @classmethod
    def concat(cls, detector: str, parts: Iterable[Findings]) -> Findings:
        """Join the findings of one detector on successive batches."""
        kept = [part.rows for part in parts if len(part)]
        return cls(detector, np.concatenate(kept)) if kept else cls.empty(detector)
