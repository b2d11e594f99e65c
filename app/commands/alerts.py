"""`tokentrail alerts`: what the store knows of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.options import ConfigFile, Json, entity_option, severity_option, since_option, word_option
from app.output import note
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from app.settings import Settings
    from schemas.vocabulary import Severity
    from store.queries import AlertFilter, AlertRow, Queries

app = typer.Typer(help="Look at stored alerts.", no_args_is_help=True)

SeverityOption = Annotated[str | None, typer.Option(help="This severity or a higher one.")]
DetectorOption = Annotated[list[str] | None, typer.Option(help="Of this detector; may be repeated.")]
EntityOption = Annotated[str | None, typer.Option(help="That name this entity: type:id, such as user:alice.")]
EpisodeOption = Annotated[list[str] | None, typer.Option(help="open, updated or closed; may be repeated.")]
StatusOption = Annotated[
    list[str] | None, typer.Option(help="new, in_progress, resolved or suppressed; may be repeated.")
]
OwnerOption = Annotated[str | None, typer.Option(help="That this person owns.")]
SinceOption = Annotated[
    str | None, typer.Option(help="That went on at this time or later; or a duration back from now, such as 2h.")
]


@app.command("list")
def list_(
    config: ConfigFile = None,
    severity: SeverityOption = None,
    detector: DetectorOption = None,
    entity: EntityOption = None,
    episode: EpisodeOption = None,
    status: StatusOption = None,
    owner: OwnerOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Most alerts to show.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on behind the alert of this id.")] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Those of detectors on trial instead; by severity and detector only.")
    ] = False,
    json: Json = False,
) -> None:
    """List the store's alerts, newest first.

    With --json every line is the latest revision of one alert in the format of the alert topic, uncut.
    """
    from app.settings import load
    from app.stored_alerts import pages
    from app.wiring import existing_store
    from store.queries import Queries

    where = _filter(severity, detector, episode, status, entity=entity, owner=owner, since=since)
    if shadow:
        unfit = {"--entity": entity, "--episode": episode, "--since": since, "--after": after}
        _list_shadows(load(config), where, limit, [name for name, value in unfit.items() if value], json=json)
        return
    with existing_store(load(config)) as database:
        queries = Queries(database)
        found: list[AlertRow] = []
        following = None
        for page in pages(queries, where, after=after, limit=limit):
            following = page.following
            found += page.rows
            if json:
                _write_records(queries, [row.alert_id for row in page.rows])
    if not json:
        _write_table(found)
    if following is not None:
        note(f"there are more: --after {found[-1].alert_id}")


def _list_shadows(settings: Settings, where: AlertFilter, limit: int, unfit: Sequence[str], *, json: bool) -> None:
    from alerts.record import whole
    from app.alert_table import AlertLine, alert_table
    from app.output import json_line, results
    from app.wiring import existing_store
    from schemas.alerts import Alert
    from store.queries import Queries

    if unfit:
        raise ConfigError("does not go with --shadow", place=unfit[0], next_step="leave one of the two out")
    with existing_store(settings) as database:
        rows = Queries(database).shadows(severities=where.severities, detectors=where.detectors, limit=limit)
    if json:
        for row in rows:
            json_line(whole(row.body, row.detected_at))
        return
    lines = [AlertLine.of(Alert.model_validate_json(row.body), row.start) for row in rows]
    results.print(alert_table(lines, results.width) if lines else "no alerts of detectors in shadow")


@app.command()
def show(
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the alert, or its beginning.")],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Show one alert: what was seen, the evidence, what to do, and how the alert came to be."""
    from app.alert_page import alert_page
    from app.output import results
    from app.settings import load
    from app.stored_alerts import stored
    from app.wiring import existing_store
    from store.queries import Queries

    with existing_store(load(config)) as database:
        queries = Queries(database)
        alert = stored(queries, alert_id)
        if json:
            _write_records(queries, [alert.alert_id])
        else:
            results.print(alert_page(alert, queries.revisions(alert.alert_id)))


@app.command()
def export(
    config: ConfigFile = None,
    format_: Annotated[str, typer.Option("--format", "-f", help="native, ocsf, cef or csv.")] = "native",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File for the alerts instead of stdout.")] = None,
    severity: SeverityOption = None,
    detector: DetectorOption = None,
    entity: EntityOption = None,
    episode: EpisodeOption = None,
    status: StatusOption = None,
    owner: OwnerOption = None,
    since: SinceOption = None,
) -> None:
    """Write the latest revision of all alerts that fit, newest first, one a line.

    The formats are those of the sinks, uncut. CSV is for people: control characters are written as escapes, and what a
    spreadsheet would take for a formula begins with an apostrophe.
    """
    from app.alert_export import KINDS
    from app.alert_export import export as write
    from app.settings import load
    from app.wiring import existing_store
    from store.queries import Queries

    if format_ not in KINDS:
        known = ", ".join(KINDS)
        raise ConfigError(f"unknown format {format_!r}", place="--format", next_step=f"take one of {known}")
    where = _filter(severity, detector, episode, status, entity=entity, owner=owner, since=since)
    with existing_store(load(config)) as database:
        count = write(Queries(database), where, format_, out)
    if out is not None:
        note(f"{count} alerts in {out}")


def _filter(
    severity: str | None,
    detectors: Sequence[str] | None,
    episodes: Sequence[str] | None,
    statuses: Sequence[str] | None,
    *,
    entity: str | None,
    owner: str | None,
    since: str | None,
) -> AlertFilter:
    """Read the options that say which alerts. Raises ConfigError naming the option."""
    from schemas.alerts import EpisodeState
    from schemas.triage import Status
    from store.queries import AlertFilter

    return AlertFilter(
        severities=_at_least(severity_option(severity, "--severity")),
        detectors=[_detector(name) for name in detectors or ()],
        episodes=[word_option(word, EpisodeState, "--episode") for word in episodes or ()],
        entity=None if entity is None else entity_option(entity),
        statuses=[word_option(word, Status, "--status") for word in statuses or ()],
        owner=owner,
        since=since_option(since, "--since"),
    )


def _at_least(severity: Severity | None) -> list[Severity]:
    from schemas.vocabulary import Severity

    return [] if severity is None else [each for each in Severity if each >= severity]


def _detector(name: str) -> str:
    from detectors.registry import DETECTORS

    if name not in DETECTORS:
        known = ", ".join(sorted(DETECTORS))
        raise ConfigError(f"unknown detector {name!r}", place="--detector", next_step=f"take one of {known}")
    return name


def _write_records(queries: Queries, alert_ids: Sequence[str]) -> None:
    from alerts.record import whole
    from app.output import json_line

    records = queries.records(alert_ids)
    for alert_id in alert_ids:
        json_line(whole(records[alert_id].body, records[alert_id].detected_at))


def _write_table(rows: Sequence[AlertRow]) -> None:
    from app.alert_table import AlertLine, alert_table
    from app.output import results
    from schemas.vocabulary import Severity

    lines = [
        AlertLine(
            row.alert_id,
            Severity(row.severity).name.lower(),
            row.start,
            row.alert_class,
            f"{row.entity_type} {row.entity_id}",
            row.summary,
        )
        for row in rows
    ]
    results.print(alert_table(lines, results.width) if lines else "no alerts")
