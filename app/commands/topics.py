"""`tokentrail topics`: the topics tokentrail reads and writes."""

from __future__ import annotations

import typer

from app.options import ConfigFile, Json

app = typer.Typer(help="Manage the topics.", no_args_is_help=True)


@app.command()
def create(config: ConfigFile = None, json: Json = False) -> None:
    """Create the topics named in the settings; those that exist stay as they are."""
    from app.output import json_line, note, results
    from app.settings import load
    from app.topics import create_missing, kept_too_short

    settings = load(config)
    for name, created in create_missing(settings).items():
        if json:
            json_line({"topic": name, "created": created})
        else:
            results.print(f"{name}: {'created' if created else 'exists'}", markup=False, soft_wrap=True)
    for name, kept in kept_too_short(settings).items():
        note(f"{name} keeps records for {kept}, less than [topics] alert_retention: raise its retention.ms")
