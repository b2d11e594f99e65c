"""Options that several commands share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import ConfigError

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file. Default: tokentrail.toml here, if there is one.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for machines.")]


def time_option(text: str | None, option: str) -> int | None:
    """Read a time given on the command line as µs since the epoch. Raises ConfigError naming the option."""
    from schemas.fields import parse_time

    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise ConfigError(str(error), place=option, next_step="write it like 2026-01-31T12:00:00Z") from error


def duration_option(text: str | None, option: str) -> timedelta | None:
    """Read a duration such as 10m given on the command line. Raises ConfigError naming the option."""
    from pydantic import TypeAdapter, ValidationError

    from app.settings import Duration

    if text is None:
        return None
    try:
        value: timedelta = TypeAdapter(Duration).validate_python(text)
    except ValidationError as error:
        raise ConfigError(
            f"{text!r} is no duration", place=option, next_step="write it like 90s, 10m, 2h or 3d"
        ) from error
    return value
