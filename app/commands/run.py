"""`tokentrail run`: the worker."""

from __future__ import annotations

from app.options import ConfigFile


def run(config: ConfigFile = None) -> None:
    """Consume the event topic: check every event, store and publish alerts. Stops cleanly on SIGTERM and Ctrl-C."""
    from app.settings import load
    from app.working import work

    work(load(config))
