"""How the kernels write down a finding, and its classes by their position on the card of usage-spike."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.findings import LIKELY, LOW
from detectors.kernels import Record, part

SPIKE: Final = 0
"""Class of a token's spike; those of the other dimensions follow in their order."""
COMMON_CAUSE: Final = 4
SILENCE: Final = 5
SHIFT: Final = 5
"""Class of a token's shift, if there were one; those of the other dimensions follow in their order."""


@part
def say(finding: Record, time: int, row: int, alert_class: int, entity: np.uint64) -> None:
    """Begin a finding: low, likely, nothing measured yet."""
    finding.time, finding.row, finding.entity = time, row, entity
    finding.alert_class, finding.severity, finding.confidence = alert_class, LOW, LIKELY
    for metric in range(finding.observed.size):
        finding.observed[metric] = finding.threshold[metric] = finding.baseline[metric] = np.nan


@part
def measure(finding: Record, metric: int, observed: float, threshold: float, baseline: float) -> None:
    """State one observed quantity, the threshold it had to reach and what is usual."""
    finding.observed[metric] = observed
    finding.threshold[metric] = threshold
    finding.baseline[metric] = baseline
