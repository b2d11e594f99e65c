"""The state of a detector of rates, and its two passes over the uses of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from detectors.base import State
from detectors.rates.culprits import COMMON_SPAN
from detectors.rates.levels import new_levels
from detectors.rates.memory import Memory, Rules, new_busy, new_clock, new_movers, new_newcomers
from detectors.rates.peers import Peers, new_activity, new_groups
from detectors.rates.recent import new_recent
from detectors.rates.rhythms import new_rhythms
from detectors.rates.uses import DIMENSIONS, Array
from detectors.rates.watch import learn_peers, watch
from detectors.views import Views
from detectors.windows import Window
from schemas.findings import FINDING

_PIECE: Final = 4_096
"""Uses that are taken at once: room is kept for as many new keys."""
_BEFORE_ALL: Final = -(2**62)


def new_spikes() -> State:
    """Give the empty state."""
    return {
        "activity": new_activity(),
        "groups": new_groups(),
        "rhythms": new_rhythms(),
        "recent": new_recent(),
        "levels": new_levels(),
        "busy": new_busy(),
        "newcomers": new_newcomers(),
        "movers": new_movers(),
        "clock": new_clock(),
        "rising": Window(COMMON_SPAN),
    }


def learn_rates(used: Array, state: State, hours_ahead: int) -> None:
    """Learn what peers do, and the rhythm of clients and tenants, from the uses of a batch."""
    for piece in _pieces(used):
        if len(piece):
            n, views = len(piece), _Views(state, int(piece["now"][0]))
            peers = Peers(views.table("activity", DIMENSIONS * n), views.table("groups", 2 * DIMENSIONS * n))
            learn_peers(piece, peers, views.table("rhythms", 2 * n), hours_ahead)


def find_spikes(used: Array, watermark: int, state: State, rules: Rules) -> Array:
    """Check the uses of a batch, and the silences up to the watermark; give what was found, dtype `FINDING`."""
    found, left = [np.empty(0, FINDING)], len(used)
    if not left and not len(state["clock"]):
        return found[0]
    for piece in _pieces(used):
        left -= len(piece)
        now = int(piece["now"][0]) if len(piece) else watermark
        out = np.zeros(DIMENSIONS * len(piece) + len(piece) + len(state["busy"]) + 1, FINDING)
        memory = _Views(state, now).memory(len(piece))
        found.append(out[: watch(piece, watermark if left == 0 else _BEFORE_ALL, memory, rules, out)])
    return np.concatenate(found)


def _pieces(used: Array) -> Iterator[Array]:
    """Cut the uses of a batch; without any there is one empty piece."""
    for start in range(0, max(1, len(used)), _PIECE):
        yield used[start : start + _PIECE]


class _Views(Views):
    """What the step sees of the state."""

    def memory(self, n: int) -> Memory:
        """With room for n uses."""
        return Memory(
            self.table("groups", 0),
            self.table("rhythms", 0),
            self.table("recent", DIMENSIONS * n),
            self.table("levels", (DIMENSIONS - 1) * n),
            self.table("busy", n),
            self.table("newcomers", n),
            self.table("movers", n),
            self.table("clock", 1),
            self.window("rising", (DIMENSIONS - 1) * n),
        )
