"""How far a command is, on stderr where that is a terminal; nothing elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.output import errors

if TYPE_CHECKING:
    from alerts.stream import AlertChanges
    from app.replaying import Job

EVERY: Final = 1_000
"""Events between two looks at the clock."""


def replayed(job: Job) -> Iterator[AlertChanges]:
    """Run a job, and show its records, their rate and the time left."""
    with _bar() as bar:
        begun = time.monotonic()
        task = bar.add_task("starting; a first run compiles the detectors", total=None)
        for alerts in job.run():
            done, total = job.progress
            described = _rate(job.replay.tally.records, "records", begun)
            bar.update(task, completed=done, total=total, description=described)
            yield alerts


def counted(events: Iterable[dict[str, Any]], total: int | None) -> Iterator[dict[str, Any]]:
    """Pass events on, and show their number, their rate and, where the total is known, the time left."""
    with _bar() as bar:
        begun = time.monotonic()
        task = bar.add_task("starting", total=total)
        for number, event in enumerate(events, 1):
            yield event
            if number % EVERY == 0:
                bar.update(task, completed=number, description=_rate(number, "events", begun))


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def _rate(count: int, what: str, begun: float) -> str:
    return f"{count:,} {what}, {count / max(time.monotonic() - begun, 1e-3):,.0f}/s"
