"""From surprises to one probability, and to an alert."""

from __future__ import annotations

from math import exp, expm1, inf, log
from typing import Final, NamedTuple

from detectors.kernels import Record, part
from detectors.series.calibration import calibrate
from detectors.series.spreads import Rarity, Tails, rarity
from detectors.series.state import COMBINED, LONG, POINT, SHORT, STILL, WINDOWS
from detectors.series.windows import add_deviation, mean_deviation, shift_rarity, still_rarity

RAREST: Final = 1e-4
"""An alert is at most this probable: the budget is one false alert in ten thousand points."""
WARM_UP: Final = 60
"""Points before the first alert; until then surprises grow in proportion."""
QUIET: Final = 60
"""Steps without anything odd after which an episode is over."""
_SHARES: Final = (0.5, 0.2, 0.2, 0.1)
"""Of the error that each test may make, in their order."""
_LEAST_EXCESS: Final = 5.0
"""A count that is nearer to what was expected raises no alert by itself."""
_LEAST_SHIFT: Final = 0.5
"""A window whose mean is nearer to the baseline raises none, standard deviations."""
_LEAST: Final = 1e-300


class Verdict(NamedTuple):
    """The probability of something as odd as a point, and whether it begins an episode."""

    p: float
    alert: bool


@part
def judge(row: Record, value: float, ends: Tails) -> Verdict:
    """Judge a value by its tails and by what came before it; learn what surprises are worth."""
    add_deviation(row, value)
    point = _due(row, POINT, rarity(ends), 1)
    short = _due(row, SHORT, shift_rarity(row, 0), WINDOWS[0])
    long = _due(row, LONG, shift_rarity(row, 1), WINDOWS[1])
    still = _due(row, STILL, still_rarity(row, value), 1)
    telling = max(
        point if not row.whole or abs(value - row.means[COMBINED]) >= _LEAST_EXCESS else 0.0,
        short if abs(mean_deviation(row, WINDOWS[0])) >= _LEAST_SHIFT else 0.0,
        long if abs(mean_deviation(row, WINDOWS[1])) >= _LEAST_SHIFT else 0.0,
        still,
    )
    return Verdict(_joint(max(point, short, long, still)), _begins(row, _joint(telling)))


@part
def _due(row: Record, test: int, found: Rarity, length: int) -> float:
    """Calibrate a surprise and charge it with its share; windows that overlap say the same again."""
    if row.seen == 0 or found.surprise < 0.0:
        return -inf
    due = calibrate(row, test, found, 1.0 / length)
    return float(due * min(1.0, row.seen / WARM_UP) + log(_SHARES[test]))


@part
def _joint(surprise: float) -> float:
    """Give the probability that any test is as surprising as the most surprising one (Šidák, with shares)."""
    return max(_LEAST, -expm1(-exp(-surprise)))


@part
def _begins(row: Record, p: float) -> bool:
    """Raise one alert an episode: what is odd soon after something odd belongs to it, and prolongs it."""
    odd = p <= RAREST and row.seen >= WARM_UP
    begins = odd and row.quiet == 0
    row.quiet = QUIET if odd else max(0, row.quiet - 1)
    return begins
