"""`tokentrail replay`: the same detectors over logs that exist already."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from app.options import ConfigFile, Json, severity_option, time_option
from app.output import note
from schemas.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from app.replaying import Job
    from engines.replay import Tally
    from ingest.order import Counters
    from schemas.revisions import Revision

EXIT_ALERTS: Final = 3
SHOWN_KINDS: Final = 5


def replay(
    sources: Annotated[
        list[str], typer.Argument(help="Files (plain, .gz, .zst), folders, -, kafka://host:port/topic, or lake:[PATH].")
    ],
    config: ConfigFile = None,
    record_format: Annotated[str, typer.Option("--format", help="auto, native, or a vendor's log.")] = "auto",
    start: Annotated[str | None, typer.Option("--from", help="Judge only events from this time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Judge only events before this time.")] = None,
    detector: Annotated[list[str] | None, typer.Option(help="Run only this detector; may be repeated.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="detector.parameter=value; may be repeated.")
    ] = None,
    json: Json = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File for the alerts, NDJSON.")] = None,
    dead_letters: Annotated[Path | None, typer.Option(help="File for records that cannot be used, NDJSON.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=100_000, help="Records a batch; changes no alert.")] = 20_000,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on reading - or a file that grows, until Ctrl-C.")
    ] = False,
    as_seen: Annotated[
        bool, typer.Option("--as-seen", help="The lake in the order of arrival: what was late is late again.")
    ] = False,
    fail_on: Annotated[str | None, typer.Option(help="Exit 3 if an alert has at least this severity.")] = None,
) -> None:
    """Replay event logs and give the alerts. Writes to no store and no topic.

    Every revision of every alert is a line of --json and --out; the table shows each alert once.
    """
    from app.replaying import replay_of
    from app.settings import load, narrowed

    threshold = severity_option(fail_on, "--fail-on")
    window = _window(start, end)
    with ExitStack() as opened:
        job = replay_of(
            narrowed(load(config), detector or [], override or []),
            sources,
            record_format=record_format,
            window=window,
            batch_size=batch_size,
            stopped=opened.enter_context(_until_interrupted()) if follow else None,
            as_seen=as_seen,
        )
        latest = _write_out(job, json, _open(opened, out), _open(opened, dead_letters))
    note(summary(job.replay.tally, job.replay.pipeline.order.counters))
    for reason, count in job.replay.pipeline.alerts.allowed.counts.items():
        note(f"findings allowed ({reason}): {count}")
    _require_use(job, sources)
    if not json and out is None:
        _show(latest)
    if threshold is not None and any(revision.severity >= threshold for revision in latest):
        raise typer.Exit(EXIT_ALERTS)


def _window(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    first, last = time_option(start, "--from"), time_option(end, "--to")
    if first is not None and last is not None and first >= last:
        raise ConfigError("is not after --from", place="--to", next_step="give a later time")
    return first, last


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Take the first Ctrl-C as the end of what is followed; the second one is an interrupt again."""
    asked = Event()
    usual = signal.getsignal(signal.SIGINT)

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, usual)


def _open(files: ExitStack, path: Path | None) -> BinaryIO | None:
    return None if path is None else files.enter_context(path.open("wb"))


def _write_out(job: Job, json: bool, out: BinaryIO | None, dead: BinaryIO | None) -> list[Revision]:
    """Run the job, write what it gives, and return each alert's last revision."""
    from app.progress import replayed

    latest: dict[str, Revision] = {}
    places = [place for place in (sys.stdout.buffer if json else None, out) if place is not None]
    for alerts in replayed(job):
        latest.update({revision.alert.alert_id: revision for revision in alerts.revisions})
        for place in places if alerts.revisions else ():
            place.writelines(f"{revision.body}\n".encode() for revision in alerts.revisions)
            place.flush()
        _write_dead(job, dead)
    _write_dead(job, dead)  # what the source itself found wrong is known at its end
    return list(latest.values())


def _write_dead(job: Job, dead: BinaryIO | None) -> None:
    if dead is not None:
        dead.writelines(letter.to_json() + b"\n" for letter in job.replay.dead)


def _require_use(job: Job, sources: list[str]) -> None:
    """A file of which nothing can be used is the wrong file, or read in the wrong format."""
    tally = job.replay.tally
    of_records = tally.refused.total() - len(job.source.faults)
    if tally.refused and of_records == tally.records:
        raise SourceError(
            "nothing in it can be used", place=", ".join(sources), next_step="check --format; --dead-letters shows why"
        )


def summary(tally: Tally, order: Counters) -> str:
    """Say what became of every record."""
    refused = ", ".join(f"{count} {reason}" for reason, count in sorted(tally.refused.items()))
    skipped = ", ".join(f"{count} {kind}" for kind, count in tally.skipped.most_common(SHOWN_KINDS))
    parts = [
        f"{tally.records} records read",
        f"{tally.refused.total()} refused" + (f" ({refused})" if refused else ""),
        f"{tally.skipped.total()} skipped"
        + (f" ({skipped}{', …' if len(tally.skipped) > SHOWN_KINDS else ''})" if skipped else ""),
        f"{tally.events} events judged",
        f"{order.late} late",
        f"{order.duplicate} duplicate",
    ]
    return "; ".join(parts)


def _show(latest: list[Revision]) -> None:
    from app.alert_table import AlertLine, alert_table
    from app.output import results

    worst_first = sorted(latest, key=lambda revision: (-revision.severity, revision.start))
    lines = [AlertLine.of(revision.alert, revision.start) for revision in worst_first]
    results.print(alert_table(lines, results.width) if lines else "no alerts")
