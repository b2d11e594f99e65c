"""`tokentrail suppressions`: what is hidden from the analysts, until when and why."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from app.options import ConfigFile, Json, duration_option, entity_option, severity_option, word_option
from app.output import json_line, note, plain, results
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from store.access import Actor
    from store.suppressions import Listed, Scope

app = typer.Typer(help="See, make and end what hides alerts from analysts. Nothing is deleted.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why, for those who come after you.")]


@app.command("list")
def list_(
    config: ConfigFile = None,
    every: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    json: Json = False,
) -> None:
    """List what holds: scope, reason, owner, expiry, and how many alerts it hides."""
    from app.alert_table import clock_text, new_table
    from app.settings import load
    from app.wiring import existing_store
    from store.suppressions import Suppressions

    with existing_store(load(config)) as database:
        found, now = Suppressions(database).all()
    shown = [each for each in found if every or each.state(now) == "active"]
    if json:
        for each in shown:
            json_line(_record(each, now))
        return
    table = new_table("id", "kind", "state", "until (UTC)", "hides", "owner", "scope", "reason")
    for each in shown:
        row = each.row
        facts = (str(row.suppression_id), row.kind, each.state(now), clock_text(row.expires_at, seconds=False))
        table.add_row(*facts, str(each.hidden), *(plain(text) for text in (row.owner, each.scope.words(), row.reason)))
    results.print(table if shown else "nothing is hidden")


@app.command()
def add(
    reason: Reason,
    config: ConfigFile = None,
    kind: Annotated[
        str,
        typer.Option(help="suppress: what was seen is benign, and more than that ends it; mute: nobody wants to hear."),
    ] = "suppress",
    detector: Annotated[str | None, typer.Option(help="Alerts of this detector.")] = None,
    alert_class: Annotated[str | None, typer.Option("--class", help="Alerts of this class.")] = None,
    entity: Annotated[list[str] | None, typer.Option(help="That name this entity: type:id; may be repeated.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant.")] = None,
    iss: Annotated[str | None, typer.Option(help="Of this issuer.")] = None,
    severity: Annotated[str | None, typer.Option(help="Up to this one. Default: the worst that is open now.")] = None,
    lasts: Annotated[str, typer.Option("--for", help="How long, at most 90d.")] = "7d",
) -> None:
    """Hide the open alerts of a scope and those that come, until a day that is set."""
    from app.settings import load
    from app.wiring import existing_store
    from store.suppressions import Kind, Named, Suppressions

    named = [entity_option(text) for text in entity or ()]
    scope = _scope(
        detector=detector,
        alert_class=alert_class,
        tenant=tenant,
        iss=iss,
        entities=tuple(Named(type=kind_, id=name) for kind_, name in named),
    )
    chosen, span = word_option(kind, Kind, "--kind"), duration_option(lasts, "--for")
    assert span is not None  # noqa: S101 - there is a default
    with existing_store(load(config)) as database:
        number, count = Suppressions(database).add(
            _me(), chosen, scope, reason=reason, lasts=span, severity=severity_option(severity, "--severity")
        )
    note(f"{chosen.value} {number} hides {count} open alerts now, for {lasts}: {scope.words()}")


@app.command()
def end(
    suppression: Annotated[int, typer.Argument(metavar="ID", help="Number, as `list` shows it.")],
    reason: Reason,
    config: ConfigFile = None,
) -> None:
    """Let new alerts show again; those that were hidden stay so until somebody reopens them."""
    from app.settings import load
    from app.wiring import existing_store
    from store.suppressions import Suppressions

    with existing_store(load(config)) as database:
        Suppressions(database).end(_me(), suppression, reason)
    note(f"{suppression} has ended; what it hid is under State “Suppressed” of the dashboard")


def _me() -> Actor:
    """Who may open the store's file or knows its password is an administrator, by the name of his account."""
    from schemas.triage import Role
    from store.access import Actor

    return Actor(f"{getpass.getuser()} (command line)", Role.ADMIN)


def _scope(**given: object) -> Scope:
    from pydantic import ValidationError

    from store.suppressions import Scope

    try:
        return Scope.model_validate(given)
    except ValidationError as error:
        raise ConfigError(
            error.errors()[0]["msg"].removeprefix("Value error, "), place="scope", next_step="see --help"
        ) from None


def _record(each: Listed, now: int) -> dict[str, object]:
    from schemas.fields import format_time

    row = each.row
    times = {name: None if (at := getattr(row, name)) is None else format_time(at) for name in _TIMES}
    facts = {name: getattr(row, name) for name in ("kind", "scope", "covers", "reason", "owner")}
    last = {name: getattr(row, name) for name in ("ended_by", "ended_because")}
    return {"id": row.suppression_id, "state": each.state(now), "hides": each.hidden, **facts, **times, **last}


_TIMES = ("created_at", "expires_at", "ended_at")
