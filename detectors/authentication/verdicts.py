"""A pass gives each of its rows at most one finding: an array of dtype `FINDING` that its kernel fills in."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.kernels import inner
from schemas.findings import FINDING
from schemas.vocabulary import Confidence, Severity

Array: TypeAlias = npt.NDArray[Any]
Record: TypeAlias = Any
"""One row of a structured array, as Numba hands it out: a reference, not a copy."""

NONE: Final = -1
INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL = (int(severity) for severity in Severity)
UNSURE, LIKELY, SURE = (int(confidence) for confidence in Confidence)


def blank(rows: Array, times: Array) -> Array:
    """Give room for a verdict on each row, none said yet; `rows`, `times`: position in the batch and µs, (m,)."""
    verdicts = np.zeros(len(rows), FINDING)
    verdicts["row"], verdicts["time"], verdicts["alert_class"] = rows, times, NONE
    for name in ("observed", "threshold", "baseline"):
        verdicts[name] = np.nan
    return verdicts


def said(verdicts: Array) -> Array:
    """Give the rows that a verdict was given on."""
    findings: Array = verdicts[verdicts["alert_class"] != NONE]
    return findings


@inner
def say(verdict: Record, alert_class: int, severity: int, confidence: int, entity: np.uint64) -> None:
    """Give the verdict. Metrics follow with `measure`."""
    verdict.alert_class = alert_class
    verdict.severity = severity
    verdict.confidence = confidence
    verdict.entity = entity


@inner
def measure(verdict: Record, metric: int, observed: float, threshold: float) -> None:
    """State one observed quantity and the threshold it had to reach."""
    verdict.observed[metric] = observed
    verdict.threshold[metric] = threshold
