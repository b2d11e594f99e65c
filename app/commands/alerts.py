"""`tokentrail alerts`: stored alerts on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from app.options import ConfigFile, Json

app = typer.Typer(help="Look at stored alerts.", no_args_is_help=True)
