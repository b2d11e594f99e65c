"""`tokentrail precompile`: what the first run would wait for."""

from __future__ import annotations

from app.output import note


def precompile() -> None:
    """Compile the detectors for this machine, on all cores. Otherwise the first run does it, on one."""
    from app.warm import precompile

    for part, ready, total in precompile():
        note(f"{ready}/{total} {part}")
