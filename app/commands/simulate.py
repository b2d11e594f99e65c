"""`tokentrail simulate`: labelled traffic to a file or a topic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.options import duration_option, time_option
from app.output import note
from schemas.errors import ConfigError
from schemas.fields import format_time

if TYPE_CHECKING:
    from app.streams import EventSink
    from ingest.simulator import Label, Traffic

LIVE_STEP_SECONDS: Final = 0.2
LIVE_PLAN: Final = 3_600_000_000
"""A live stream plays its attacks within its first hour, µs."""


def simulate(
    out: Annotated[str, typer.Option("--out", "-o", help="File, - for stdout, or kafka://host:port/topic.")],
    seed: Annotated[int, typer.Option(help="Same seed, start and options: same events.")] = 1,
    events: Annotated[int | None, typer.Option(min=1, help="Number of events.")] = None,
    duration: Annotated[str | None, typer.Option(help="Length of event time, such as 2h, instead of --events.")] = None,
    start: Annotated[str | None, typer.Option(help="Time of the first event. Default: now.")] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            help="Attack such as brute-force/slow, or a suite: headline (default), lifecycle, policy, grants."
        ),
    ] = None,
    benign: Annotated[bool, typer.Option("--benign", help="No attacks at all.")] = False,
    labels: Annotated[Path | None, typer.Option(help="File for the labels of the attacks, NDJSON.")] = None,
    rate: Annotated[float, typer.Option(min=0.001, help="Benign events a second of event time, on average.")] = 20.0,
    users: Annotated[int, typer.Option(min=1, help="Number of users.")] = 2_000,
    intensity: Annotated[
        float, typer.Option(min=0.01, help="Strength of attacks, in thresholds of the detectors.")
    ] = 2.0,
    signatures: Annotated[
        bool, typer.Option("--signatures", help="With the key service's log: a sign for every signed token.")
    ] = False,
) -> None:
    """Write labelled token traffic.

    With --events or --duration as fast as it can be written; without either, live until stopped.
    """
    from app.progress import counted
    from app.streams import event_sink
    from ingest.simulator import Traffic
    from ingest.simulator import simulate as bounded

    length = duration_option(duration, "--duration")
    live = _is_live(events, length, labels)
    begin = time_option(start, "--start") or time.time_ns() // 1_000
    wanted = [] if benign else scenario
    try:
        with ExitStack() as opened:
            truth = None if labels is None else opened.enter_context(labels.open("w", encoding="utf-8"))
            traffic = Traffic(rate=rate, users=users, intensity=intensity, signatures=signatures)
            sink = opened.enter_context(event_sink(out))
            if live:
                _live(sink, seed, begin, wanted, traffic)
                return
            span = None if length is None else length // timedelta(microseconds=1)
            stream = bounded(seed, begin, events=events, duration=span, scenarios=wanted, traffic=traffic)
            count = sink.write(counted(stream, events))
            if truth is not None:
                truth.writelines(f"{label.model_dump_json()}\n" for label in stream.labels())
    except ValueError as error:
        raise ConfigError(str(error), place="simulate", next_step="see tokentrail simulate --help") from error
    note(f"{count} events, {len(stream.labels())} attacks, seed {seed}")
    _note_missing(stream.labels(), wanted)


def _note_missing(labelled: Sequence[Label], wanted: Sequence[str] | None) -> None:
    """Say which of the attacks that were asked for (None: any) did not fit."""
    from ingest.simulator import SUITES

    played = {name for label in labelled for name in (label.scenario, f"{label.scenario}/{label.variant}")}
    played |= {name for name, attacks in SUITES.items() if played & set(attacks)}
    missing = [name for name in wanted or () if name not in played]
    if missing or (wanted is None and not labelled):
        what = ", ".join(missing) or "any attack"
        note(f"too short for {what}: give more --events, a longer --duration, or less --rate")


def _is_live(events: int | None, length: timedelta | None, labels: Path | None) -> bool:
    if events is not None and length is not None:
        raise ConfigError("goes without --events", place="--duration", next_step="give one of the two")
    live = events is None and length is None
    if live and labels is not None:
        raise ConfigError(
            "a live stream has no end to label", place="--labels", next_step="give --events or --duration"
        )
    return live


def _live(sink: EventSink, seed: int, begin: int, scenarios: list[str] | None, traffic: Traffic) -> None:
    """Write what has happened by now, again and again, until the user stops it."""
    from ingest.simulator import Simulation, spread
    from ingest.simulator.draws import Draws

    plan = spread(scenarios, begin, begin + LIVE_PLAN, Draws(seed, "plan"), traffic.intensity)
    simulation = Simulation(seed, begin, plan, traffic)
    note(f"live from {format_time(begin)}, seed {seed}; stop with Ctrl-C")
    with suppress(KeyboardInterrupt):
        while True:
            sink.write(simulation.advance(time.time_ns() // 1_000))
            time.sleep(LIVE_STEP_SECONDS)
