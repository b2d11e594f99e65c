"""`tokentrail config`: look at the settings before a worker does."""

from __future__ import annotations

import typer

from app.options import ConfigFile, Json

app = typer.Typer(help="Check the configuration.", no_args_is_help=True)


@app.command()
def check(config: ConfigFile = None, json: Json = False) -> None:
    """Read the settings, build every detector, and show what would run."""
    from app.output import json_line, results
    from app.settings import load
    from store.engine import without_password

    settings = load(config)
    running = settings.running()
    if json:
        shown = settings.model_dump(mode="json", exclude={"detectors"})
        shown["store"]["url"] = without_password(settings.store.url)
        json_line(
            {**shown, "detectors": {name: detector.model_dump(mode="json") for name, detector in running.items()}}
        )
        return
    results.print(f"[bold]ok[/]: {len(running)} detectors, {len(settings.sinks)} sinks, topic {settings.kafka.topic}")
    for name, detector in running.items():
        changed = detector.model_dump(mode="json", exclude_defaults=True)
        results.print(f"  {name}  {changed or 'defaults'}")
