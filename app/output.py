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


def note(message: str) -> None:
    """Say something that is not a result."""
    errors.print(escape(message), soft_wrap=True)


def fail(message: str, *, code: int) -> NoReturn:
    """Say what is wrong and leave."""
    errors.print(f"[bold red]error[/]: {escape(message)}", soft_wrap=True)
    raise SystemExit(code)


def json_line(value: Any) -> None:  # noqa: ANN401 - anything JSON can write
    """Write one compact JSON object on a line of stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
