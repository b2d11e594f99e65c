"""A pass gives each of its rows at most one finding: an array of dtype `FINDING` that its kernel fills in."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.kernels import inner

Array: TypeAlias = npt.NDArray[Any]
Record: TypeAlias = Any
"""One row of a structured array, as Numba hands it out: a reference, not a copy."""


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
