"""What pydantic found wrong, as one line for people. Values are never shown: they may be secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError


class Fault(NamedTuple):
    """Where the first fault is (`sinks[file].path`, empty for the whole) and what it is."""

    where: str
    what: str


def first_fault(error: ValidationError, content: object) -> Fault:
    """Read the first fault found in `content`, with the number of others."""
    first = error.errors(include_url=False, include_input=False)[0]
    match first["type"]:
        case "extra_forbidden":
            what = "is not known here"
        case "value_error":
            what = first["msg"].removeprefix("Value error, ")
        case _:
            what = first["msg"][:1].lower() + first["msg"][1:]
    others = error.error_count() - 1
    return Fault(_place(first["loc"], content), f"{what} (and {others} more)" if others else what)


def _place(steps: Sequence[int | str], content: Any) -> str:  # noqa: ANN401 - whatever was read
    """Name a place; entries of a list by their type, where they have one."""
    place = ""
    for step in steps:
        if isinstance(step, int):
            content = content[step] if isinstance(content, list) and step < len(content) else None
            kind = content.get("type") if isinstance(content, Mapping) else None
            place += f"[{kind if isinstance(kind, str) else step}]"
        else:
            content = content.get(step, content) if isinstance(content, Mapping) else None
            place += f".{step}"
    return place.removeprefix(".")
