"""Source burst: the plain rule that counts the failures of an address and asks nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.authentication.shapes import SOURCE_BURST, Limits
from detectors.authentication.verdicts import LIKELY, MEDIUM, Verdicts, measure, say
from detectors.kernels import kernel
from detectors.windows import WindowView, push


@kernel
def judge_bursts(
    times: npt.NDArray[np.int64],
    sources: npt.NDArray[np.uint64],
    weights: npt.NDArray[np.int64],
    window: WindowView,
    limits: Limits,
    verdicts: Verdicts,
) -> None:
    """Find failures of any reason whose source has `source_burst` of them in the window.

    Args:
        times: `order_time` of the m failures, µs, not decreasing.
        sources: their sources; 0 is skipped.
        weights: failures each record stands for.
        window: of (source).
        limits: parameters.
        verdicts: filled in, m rows.
    """
    for i in range(times.size):
        if sources[i] == 0:
            continue
        slot = push(window, sources[i], sources[i], weights[i], times[i])
        failed = window.counts.rows[slot].weight
        if failed >= limits.source_burst:
            say(verdicts, i, SOURCE_BURST, MEDIUM, LIKELY, sources[i])
            measure(verdicts, i, 0, failed, limits.source_burst)
