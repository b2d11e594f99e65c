"""`tokentrail handover`: what one shift leaves to the next."""

from __future__ import annotations

from typing import Annotated

import typer

from app.options import ConfigFile, Json, since_option
from app.output import json_line


def handover(
    config: ConfigFile = None,
    since: Annotated[str, typer.Option(help="A time, or so long ago: 2026-01-31T12:00:00Z, 8h.")] = "8h",
    json: Json = False,
) -> None:
    """Write the note for the next shift, as Markdown.

    Overdue and new alerts, those in progress by owner, what was resolved with which verdict, suppressions that were
    made or are over, and comments.
    """
    from app.settings import load
    from app.wiring import existing_store
    from dashboard.views.handover import markdown
    from store.handover import handover

    begin = since_option(since, "--since")
    assert begin is not None  # noqa: S101 - there is a default
    settings = load(config)
    with existing_store(settings) as database:
        note = handover(database, begin, settings.triage.spans())
    if json:
        json_line(note.model_dump())
    else:
        typer.echo(markdown(note), nl=False)
