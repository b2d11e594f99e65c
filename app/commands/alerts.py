"""`tokentrail alerts`: stored alerts on the command line."""

from __future__ import annotations

import typer

app = typer.Typer(help="Look at stored alerts.", no_args_is_help=True)
