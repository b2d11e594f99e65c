"""`tokentrail evaluate`: how well alerts match the labels of simulated traffic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.options import ConfigFile, Json
from schemas.errors import SourceError

if TYPE_CHECKING:
    from schemas.revisions import Revision


def evaluate(
    events: Annotated[Path, typer.Argument(help="Events in the native format, NDJSON.")],
    labels: Annotated[Path, typer.Argument(help="Labels that `simulate --labels` wrote.")],
    alerts: Annotated[
        Path | None, typer.Option(help="Alerts to score, NDJSON. Without it the events are replayed first.")
    ] = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Score alerts: what was found, how fast, at what price in false alerts; intervals and baselines beside it."""
    import orjson

    from app.evaluate import Tally
    from app.evaluate import evaluate as score
    from app.output import json_line, results
    from ingest.simulator.labels import Label

    known = [Label.model_validate(line) for line in _lines(labels)]
    tally = Tally(known)
    for event in _lines(events):
        tally.add(event)
    found = _lines(alerts) if alerts else (orjson.loads(revision.body) for revision in _replayed(events, config))
    report = score(found, known, tally.totals())
    if json:
        json_line(orjson.loads(report.to_json()))
    else:
        results.print(report.table())


def _lines(path: Path) -> Iterator[dict[str, object]]:
    import orjson

    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise SourceError(f"is no JSON: {error}", place=f"{path}:{number}") from error
    except OSError as error:
        raise SourceError(error.strerror or str(error), place=str(path), next_step="check the path") from error


def _replayed(events: Path, config: Path | None) -> Iterator[Revision]:
    from app.replaying import replay_of
    from app.settings import load

    job = replay_of(load(config), [str(events)], record_format="native")
    for alerts in job.run():
        yield from alerts.revisions
