"""`tokentrail schema`: the published contracts as JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Publish the contracts.", no_args_is_help=True)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write to; stdout without it.")] = None,
) -> None:
    """Write the JSON Schema of token events and alerts."""
    from app.output import json_line, note
    from schemas.export import documents, write

    if out is None:
        json_line(documents())
        return
    for path in write(out):
        note(f"wrote {path}")
