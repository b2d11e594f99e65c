"""Views of a detector's state at one moment, as its kernels take them."""

from __future__ import annotations

from typing import cast

from detectors.base import State
from detectors.tables import Table, TableView
from detectors.windows import Window, WindowView


class Views:
    """Views of the state's parts, each with room for what a batch may add.

    Args:
        state: of the detector.
        now: event time of the batch's first event, µs.
    """

    def __init__(self, state: State, now: int) -> None:
        self._state = state
        self._now = now

    def table(self, name: str, more: int) -> TableView:
        """See a table, with room for `more` new keys."""
        return cast("Table", self._state[name]).view(more, self._now)

    def window(self, name: str, more: int) -> WindowView:
        """See a window, with room for `more` new entries."""
        return cast("Window", self._state[name]).view(more, self._now)
