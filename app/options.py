"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from schemas.vocabulary import EntityType, Severity

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file. Default: tokentrail.toml here, if there is one.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for machines.")]

_Word = TypeVar("_Word", bound=Enum)


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


def since_option(text: str | None, option: str) -> int | None:
    """Read a time, or a duration back from now, as µs since the epoch. Raises ConfigError naming the option."""
    if text is None or ":" in text:
        return time_option(text, option)
    span = duration_option(text, option)
    return None if span is None else time.time_ns() // 1_000 - span // timedelta(microseconds=1)


def severity_option(text: str | None, option: str) -> Severity | None:
    """Read the name of a severity. Raises ConfigError naming the option and all severities."""
    from schemas.vocabulary import Severity

    if text is None:
        return None
    try:
        return Severity[text.upper()]
    except KeyError:
        known = (severity.name.lower() for severity in Severity)
        raise _unknown("severity", text, option, known) from None


def entity_option(text: str) -> tuple[EntityType, str]:
    """Read an entity written type:id. Raises ConfigError naming the option and all types."""
    from schemas.vocabulary import EntityType

    kind, colon, name = text.partition(":")
    if not (colon and name):
        raise ConfigError(f"{text!r} names nobody", place="--entity", next_step="write type:id, such as user:alice")
    return word_option(kind, EntityType, "--entity"), name


def word_option(text: str, words: type[_Word], option: str) -> _Word:
    """Read a word of a vocabulary. Raises ConfigError naming the option and all words."""
    try:
        return words(text)
    except ValueError:
        raise _unknown("word for this", text, option, (word.value for word in words)) from None


def _unknown(what: str, text: str, option: str, known: Iterable[str]) -> ConfigError:
    return ConfigError(f"{text!r} is no {what}", place=option, next_step=f"take one of {', '.join(known)}")
