"""`tokentrail config`: look at the settings before a worker does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from app.options import ConfigFile, Json

if TYPE_CHECKING:
    from app.settings import AnySink, Settings

app = typer.Typer(help="Check the configuration.", no_args_is_help=True)


@app.command()
def check(config: ConfigFile = None, json: Json = False) -> None:
    """Read the settings and the secrets, build every detector, and show what would run. Connects to nothing."""
    from app.output import json_line, results
    from app.settings import load
    from store.engine import without_password

    settings = load(config)
    running = settings.running()
    _check_key()
    if json:
        shown = settings.model_dump(mode="json", exclude={"detectors"})
        shown["store"]["url"] = without_password(settings.store.url)
        json_line(
            {**shown, "detectors": {name: detector.model_dump(mode="json") for name, detector in running.items()}}
        )
        return
    results.print("[bold]ok[/]")
    for what, how in _lines(settings):
        results.print(f"{what:<20}  {how}", markup=False, soft_wrap=True)


def _check_key() -> None:
    """Say that a worker will want a hash key. Raises ConfigError when there is one and it is malformed."""
    from app.output import note
    from ingest.privacy import HASH_KEY_VARIABLE, Secrets

    if os.environ.get(HASH_KEY_VARIABLE):
        Secrets.from_environment()
    else:
        note(f"{HASH_KEY_VARIABLE} is not set: `tokentrail run` will need it; make a key with `openssl rand -hex 32`")


def _lines(settings: Settings) -> Iterator[tuple[str, str]]:
    from store.engine import without_password

    kafka, dead = settings.kafka, settings.dead_letters
    yield "events", f"{kafka.topic} on {', '.join(kafka.bootstrap_servers)}, format {settings.source.format}"
    yield "store", without_password(settings.store.url)
    yield "dead letters", f"topic {dead.topic}" if dead.topic else f"file {dead.file}"
    for sink in settings.sinks:
        yield f"sink {sink.name}", _place(sink)
    for name, detector in settings.running().items():
        changed = detector.model_dump(mode="json", exclude_defaults=True)
        how = ", ".join(f"{parameter} = {value}" for parameter, value in changed.items()) or "defaults"
        yield name, f"{how}, in shadow" if name in settings.shadow else how


def _place(sink: AnySink) -> str:
    from app.settings import FileSinkSettings, KafkaSinkSettings, KafkaStateSinkSettings, SyslogSinkSettings

    match sink:
        case FileSinkSettings():
            return f"file {sink.path}"
        case KafkaSinkSettings() | KafkaStateSinkSettings():
            return f"topic {sink.topic}"
        case SyslogSinkSettings():
            return f"{sink.transport} {sink.host}:{sink.port}"
