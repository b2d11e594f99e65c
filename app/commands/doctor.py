"""`tokentrail doctor`: what is missing, and what the detectors cannot see."""

from __future__ import annotations

from typing import Final

import typer

from app.options import ConfigFile, Json

MARKS: Final = {"ok": "[green]✔[/]", "warning": "[yellow]![/]", "failed": "[red]✖[/]"}


def doctor(config: ConfigFile = None, json: Json = False) -> None:
    """Check key, broker, topics, store and worker, and which detectors are armed or blind on which source."""
    from rich.markup import escape

    from app.doctor import State, examine
    from app.output import json_line, plain, results
    from app.settings import load

    failed = 0
    for verdict in examine(load(config)):
        failed += verdict.state is State.FAILED
        if json:
            json_line(verdict)
        else:
            said = escape(plain(f"{verdict.check}: {verdict.said}"))
            results.print(f"{MARKS[verdict.state]} {said}", soft_wrap=True)
    raise typer.Exit(1 if failed else 0)
