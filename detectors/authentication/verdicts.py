"""`Verdicts`: at most one finding for each row of a pass, as arrays that a kernel fills in."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.kernels import inner
from schemas.findings import FINDING, MAX_METRICS, MAX_RELATED
from schemas.vocabulary import Confidence, Severity

Array = npt.NDArray[Any]

NONE: Final = -1
INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL = (int(severity) for severity in Severity)
UNSURE, LIKELY, SURE = (int(confidence) for confidence in Confidence)


class Verdicts(NamedTuple):
    """What a pass said about each of its m rows; fields as in `FINDING`, `alert_class` is `NONE` where nothing was."""

    alert_class: Array
    severity: Array
    confidence: Array
    entity: Array
    observed: Array
    threshold: Array
    baseline: Array
    related: Array

    @classmethod
    def blank(cls, rows: int) -> Verdicts:
        """Nothing said about any row."""
        metrics = (rows, MAX_METRICS)
        return cls(
            np.full(rows, NONE, np.int16),
            np.zeros(rows, np.int8),
            np.zeros(rows, np.int8),
            np.zeros(rows, np.uint64),
            *(np.full(metrics, np.nan) for _ in ("observed", "threshold", "baseline")),
            np.zeros((rows, MAX_RELATED), np.uint64),
        )

    def findings(self, rows: Array, times: Array) -> Array:
        """Give the findings as rows of dtype `FINDING`; `rows`, `times`: position and µs of each row, (m,)."""
        said = np.flatnonzero(self.alert_class != NONE)
        found = np.zeros(len(said), FINDING)
        found["row"], found["time"] = rows[said], times[said]
        for name, values in self._asdict().items():
            found[name] = values[said]
        return found


@inner
def say(verdicts: Verdicts, row: int, alert_class: int, severity: int, confidence: int, entity: np.uint64) -> None:
    """Give a verdict on a row. Metrics follow with `measure`."""
    verdicts.alert_class[row] = alert_class
    verdicts.severity[row] = severity
    verdicts.confidence[row] = confidence
    verdicts.entity[row] = entity


@inner
def measure(verdicts: Verdicts, row: int, metric: int, observed: float, threshold: float) -> None:
    """State one observed quantity and the threshold it had to reach."""
    verdicts.observed[row, metric] = observed
    verdicts.threshold[row, metric] = threshold
