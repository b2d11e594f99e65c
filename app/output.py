"""How commands speak: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import orjson
from rich.console import Console
from rich.markup import escape

errors = Console(stderr=True, highlight=False)
"""Progress, notices and errors. Honours NO_COLOR."""
results = Console(highlight=False)
"""Tables and text for people."""


def plain(text: object) -> str:
    r"""Write what a terminal would obey, or hide, as an escape: \x1b for ESC, \u202e for a change of direction."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


def note(message: str) -> None:
    """Say something that is not a result, on one line."""
    errors.print(_line(message), soft_wrap=True)


def fail(message: str, *, code: int) -> NoReturn:
    """Say on one line what is wrong, and leave."""
    errors.print(f"[bold red]error[/]: {_line(message)}", soft_wrap=True)
    raise SystemExit(code)


def _line(message: str) -> str:
    return escape(plain(" ".join(message.split())))


def json_line(value: Any) -> None:  # noqa: ANN401 - anything JSON can write
    """Write one compact JSON object on a line of stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
