"""What a detector of rates remembers and is told, as the kernels see it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from detectors.kernels import Record, part
from detectors.rates.recent import DAY, HOUR
from detectors.tables import Table, TableView
from detectors.windows import WindowView

CENTURY: Final = 100 * 365 * DAY
SILENCE_HOURS: Final = 4
"""A silence is judged for so long; what was not improbable by then will not be said."""
NEW_HOURS: Final = 3 * 24
"""For so long a key is new, and may succeed another."""


_NOTE: Final[list[tuple[Any, ...]]] = [("ids", np.uint64, (2,)), ("times", np.int64, (2,))]
"""One layout for all small tables, 48 bytes a row: kernels compile once for each."""


class Rules(NamedTuple):
    """The parameters.

    `false_findings` a day and dimension of a tenant, `silence` in µs, `hours_ahead` of UTC. `places`: what stands for
    keys are addresses, which are narrower than a client and free to rest.
    """

    excess: float
    ratio: float
    false_findings: float
    explained_share: float
    common_share: float
    common_peers: int
    warm_up_days: int
    shift_days: int
    silence: int
    hours_ahead: int
    places: bool


class Memory(NamedTuple):
    """State of the step; `groups` and `rhythms` are read only, `learn` fills them."""

    groups: TableView
    rhythms: TableView
    recent: TableView
    levels: TableView
    busy: TableView
    newcomers: TableView
    movers: TableView
    clock: TableView
    rising: WindowView


def new_busy() -> Table:
    """Give an empty table of keys so busy that their silence would tell; 100 bytes a row.

    - `id`, `issuer`: what it is called and whose it is. `index`: index of dispersion of its hours.
    - `hour`: the last one of use; `expected`: uses in it and in each of the hours after. `told`: its silence is known.
    """
    fields = [
        ("id", np.uint64),
        ("issuer", np.uint64),
        ("index", np.float64),
        ("rarest", np.float64),
        ("expected", np.float64, (SILENCE_HOURS + 1,)),
        ("hour", np.int32),
        ("told", np.bool_),
    ]
    return Table(fields, ttl=(SILENCE_HOURS + 2) * HOUR)


def new_newcomers() -> Table:
    """Give an empty table: key that was new lately → issuer in `ids[0]`, hour of the first use in `times[0]`.

    `times[1]` is when it succeeded another, µs.
    """
    return Table(_NOTE, ttl=NEW_HOURS * HOUR)


def new_movers() -> Table:
    """Give an empty table: issuer → the two keys used last and when, newest first."""
    return Table(_NOTE, ttl=DAY)


def new_clock() -> Table:
    """Give an empty table whose only row has in `times` when silences are looked at next, and when the last use was."""
    return Table(_NOTE, ttl=CENTURY)


@part
def is_new(newcomer: Record, now: int) -> bool:
    """Say whether a key that was new once still is."""
    return bool(now // HOUR - newcomer.times[0] < NEW_HOURS)
