"""What a probability was worth so far: surprises are set beside those that this series brought before.

If the tails were right, surprises (-log p) would be exponential with rate 1. How they really thin out is a piecewise
exponential survival curve, one hazard a segment, each by a Gamma prior shrunk towards the one before, so that where no
point fell yet the last known slope is continued. For Student's T that is the Hill estimator of the tail index, the
heavy-tailed case of the generalised Pareto fit of SPOT (Siffer et al., KDD 2017).
"""

from __future__ import annotations

from typing import Final

from detectors.kernels import Record, part
from detectors.series.spreads import Rarity
from detectors.series.state import SEGMENTS

_WIDTH: Final = 1.5
"""Of a segment; the last has no end."""
_PRIOR: Final = 20.0
"""Points that the prior of a hazard weighs."""
_MOST_TAUGHT: Final = 12.0
"""A point teaches no more surprise than this, calibrated: p = 6e-6."""
_LEAST_HAZARD, _MOST_HAZARD = 0.1, 2.0
_MEMORY: Final = 20_000.0
"""Points in one table after which they are halved."""


@part
def calibrate(row: Record, test: int, found: Rarity, weight: float) -> float:
    """Give the surprise that is due to a point, by the points before it, and learn from it with a weight."""
    hazard, due = 1.0, 0.0
    exposures, leavings = row.exposures[test, found.side], row.leavings[test, found.side]
    for segment in range(SEGMENTS):
        beyond = found.surprise - segment * _WIDTH
        if beyond < 0.0:
            break
        last = segment == SEGMENTS - 1 or beyond < _WIDTH
        length = beyond if last else _WIDTH
        hazard = (_PRIOR * hazard + leavings[segment]) / (_PRIOR + exposures[segment])
        hazard = max(_LEAST_HAZARD, min(hazard, _MOST_HAZARD))
        room = (_MOST_TAUGHT - due) / hazard
        if room > 0.0:
            exposures[segment] += weight * min(length, room)
            leavings[segment] += weight if last or room <= length else 0.0
        due += hazard * length
    if exposures[0] > _MEMORY:
        exposures *= 0.5
        leavings *= 0.5
    return due
