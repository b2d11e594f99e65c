"""Source burst: the plain rule that counts the failures of an address and asks nothing else."""

from __future__ import annotations

from detectors.authentication.shapes import SOURCE_BURST, Limits
from detectors.authentication.verdicts import Array, measure, say
from detectors.findings import LIKELY, MEDIUM
from detectors.kernels import kernel
from detectors.windows import WindowView, push


@kernel
def judge_bursts(sources: Array, weights: Array, window: WindowView, limits: Limits, verdicts: Array) -> None:
    """Find failures of any reason whose source has `source_burst` of them in the window.

    Args:
        sources: sources of the m failures in order of time; 0 is skipped.
        weights: failures each record stands for.
        window: of (source).
        limits: parameters.
        verdicts: filled in, m rows of dtype `FINDING`.
    """
    for i in range(sources.size):
        if sources[i] == 0:
            continue
        slot = push(window, sources[i], sources[i], weights[i], verdicts[i].time)
        failed = window.counts.rows[slot].weight
        if failed >= limits.source_burst:
            say(verdicts[i], SOURCE_BURST, MEDIUM, LIKELY, sources[i])
            measure(verdicts[i], 0, failed, limits.source_burst)
