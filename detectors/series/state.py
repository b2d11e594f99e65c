"""What is remembered of one series: a single row of fixed size, 115 kB, however long the series is."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.kernels import part

State: TypeAlias = npt.NDArray[Any]
"""One structured row, as `new_state` gives it."""

SECOND: Final = 1_000_000
SLOTS: Final = 288
"""Of a day, five minutes each."""
HOURS: Final = 24
DAY: Final = 86_400 * SECOND
SLOT: Final = DAY // SLOTS
PROFILES: Final = 3
FIRST_SLOT: Final = (0, SLOTS, 3 * SLOTS)
"""Where the slots of a profile begin: one day, a working day and a day of the weekend, seven days."""

LEVEL, DAILY, DAY_TYPE, WEEKLY, PERIODIC, RECENT = range(6)
"""The experts, see `forecasts`."""
EXPERTS: Final = 6
COMBINED, BASELINE = EXPERTS, EXPERTS + 1
"""What the experts say together, and what holds without the last hours."""
FORECASTS: Final = EXPERTS + 2

VALUES: Final = 4_096
"""Values kept: periods of up to a third of it are found."""
FEATURES: Final = 6
"""Of the `RECENT` expert."""
WINDOWS: Final = (10, 60)
"""Lengths over which small deviations are added up, steps."""
LONGEST: Final = WINDOWS[-1]
SPACINGS: Final = 15

POINT, SHORT, LONG, STILL = range(4)
"""The tests: one point, either window, and how long the value has not moved."""
TESTS: Final = 4
SIDES: Final = 2
SEGMENTS: Final = 8

_FIELDS: Final = [
    ("seen", np.int64),
    ("steps", np.int64),
    ("time", np.int64),
    ("step", np.int64),
    ("spacings", np.int64, (SPACINGS,)),
    ("spaced", np.int64),
    ("whole", np.bool_),
    ("resolution", np.float64),
    ("means", np.float64, (FORECASTS,)),
    ("scales", np.float64, (FORECASTS,)),
    ("indices", np.float64, (FORECASTS,)),
    ("volumes", np.float64, (FORECASTS,)),
    ("noises", np.float64, (FORECASTS - COMBINED, HOURS)),
    ("heard", np.float64, (FORECASTS - COMBINED, HOURS)),
    ("hour", np.int64),
    ("strikes", np.int64, (FORECASTS,)),
    ("merits", np.float64, (EXPERTS,)),
    ("weights", np.float64, (EXPERTS,)),
    ("slow", np.float64),
    ("base", np.float64),
    ("fast", np.float64),
    ("levels", np.float64, (EXPERTS,)),
    ("offsets", np.float64, (EXPERTS,)),
    ("slots", np.float64, (10 * SLOTS,)),
    ("visits", np.float64, (10 * SLOTS,)),
    ("places", np.int64, (PROFILES,)),
    ("values", np.float64, (VALUES,)),
    ("scratch", np.float64, (VALUES,)),
    ("period", np.int64),
    ("looked", np.int64),
    ("lags", np.float64, (3,)),
    ("pools", np.float64, (3,)),
    ("features", np.float64, (FEATURES,)),
    ("coefficients", np.float64, (FEATURES,)),
    ("covariance", np.float64, (FEATURES, FEATURES)),
    ("doubted", np.int64),
    ("gains", np.float64, (FEATURES,)),
    ("deviations", np.float64, (LONGEST,)),
    ("filled", np.int64),
    ("inflations", np.float64, (len(WINDOWS),)),
    ("lasting", np.int64),
    ("last", np.float64),
    ("run", np.int64),
    ("still", np.int64),
    ("longer", np.int64),
    ("exposures", np.float64, (TESTS, SIDES, SEGMENTS)),
    ("leavings", np.float64, (TESTS, SIDES, SEGMENTS)),
    ("quiet", np.int64),
]


def new_state() -> State:
    """Give the state before the first point.

    - `seen`: values so far; `steps`: steps of the clock, missing ones too; `time`: of the last point, µs; `step`: the
      usual spacing, µs, the median of the last `spacings`, of which there were `spaced`; `places`, `hour`: where this
      point lies in the profiles and in the day. `whole`: all values were counts; `resolution`: least difference.
    - `means`: forecasts of this point. Of their errors, `scales`: root mean square, `indices`: mean square beside the
      mean, of counts, `volumes`: mean forecast; `strikes`: points in a row that were too far, signed. `noises`,
      `heard`: variance by hour of the day beside all hours, and the points it was learnt from.
    - `merits`, `weights`: of the experts, logarithms and shares; `levels`: theirs. `slow`, `base`, `fast`: levels with
      shorter and shorter memories. `slots`, `visits`: profiles beside the slow level, and the points each slot was
      learnt from; `offsets`: what they say of this point. `values`: a ring by step, nan where missing; `period`: found
      in it, steps, 0 for none; `looked`: step from which it is looked for again; `scratch`: room to do so.
    - `lags`, `pools`: last values, and what the other experts had said of them; `doubted`: side on which the last was
      too far; `features`, `coefficients`, `covariance`, `gains`: recursive least squares.
    - `deviations`: a ring, in standard deviations from the baseline; `filled`: points in it so far; `inflations`:
      variance of their sums beside independent ones; `lasting`: steps for which the baseline was far off.
    - `last`, `run`: last value, and how often it was repeated; `still`, `longer`: points in runs, and those of them
      that had gone on. `exposures`, `leavings`: see `calibration`. `quiet`: steps until there may be an alert.
    """
    state = np.zeros(1, np.dtype(_FIELDS, align=True))
    row = state[0]
    row["whole"] = True
    row["values"] = np.nan
    row["last"] = np.nan
    row["lags"] = np.nan
    row["coefficients"][0] = 1.0
    row["covariance"] = np.eye(FEATURES) * _FREEDOM
    row["inflations"] = _CAUTION
    row["merits"][[LEVEL, RECENT]] = _FAVOUR
    row["weights"] = 1.0 / EXPERTS
    return state


_FREEDOM: Final = 0.05
"""Prior variance of a coefficient: at first the recent expert says that nothing changes."""
_CAUTION: Final = 4.0
"""Until it is known, neighbours are taken for so alike that their sum varies this many times as much."""
_FAVOUR: Final = 2.0
"""Head start of the experts that know least."""


@part
def clipped(value: float, most: float) -> float:
    """Give a value within ± `most`."""
    return max(-most, min(value, most))
