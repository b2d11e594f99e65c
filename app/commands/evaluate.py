"""`tokentrail evaluate`: how well alerts match the labels of simulated traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.options import ConfigFile, Json
from schemas.errors import SourceError

if TYPE_CHECKING:
    from schemas.revisions import Revision

_T = TypeVar("_T")


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
    from app.evaluation.sightings import Record, Sighting
    from app.output import json_line, results
    from ingest.simulator.labels import Label

    def scorable(record: Record) -> Record:
        Sighting.read(record)
        return record

    known = list(_read(labels, "label", Label.model_validate))
    tally = Tally(known)
    count = sum(1 for _ in _read(events, "event", tally.add))
    if not count:
        raise SourceError("holds no event", place=str(events), next_step="give what `simulate --out` wrote")
    found = (
        _read(alerts, "alert", scorable)
        if alerts
        else (orjson.loads(revision.body) for revision in _replayed(events, config))
    )
    report = score(found, known, tally.totals())
    if json:
        json_line(orjson.loads(report.to_json()))
    else:
        results.print(report.table())


def _read(path: Path, what: str, reader: Callable[[dict[str, object]], _T]) -> Iterator[_T]:
    """Read an object a line.

    Raises:
        SourceError: the file cannot be read, or a line cannot.
    """
    import orjson

    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield reader(orjson.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise SourceError(
                        f"is no {what}: {_reason(error)}",
                        place=f"{path}:{number}",
                        next_step="check which file is which",
                    ) from error
    except OSError as error:
        raise SourceError(error.strerror or str(error), place=str(path), next_step="check the path") from error


def _reason(error: Exception) -> str:
    from pydantic import ValidationError

    from app.faults import first_fault

    if isinstance(error, ValidationError):
        fault = first_fault(error, None)
        return f"{fault.where}: {fault.what}"
    return f"{error!r}" if isinstance(error, KeyError) else str(error)


def _replayed(events: Path, config: Path | None) -> Iterator[Revision]:
    from app.progress import replayed
    from app.replaying import replay_of
    from app.settings import load

    job = replay_of(load(config), [str(events)], record_format="native")
    for alerts in replayed(job):
        yield from alerts.revisions
