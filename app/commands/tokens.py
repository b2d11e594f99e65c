"""`tokentrail tokens`: find a leaked token without writing it down."""

from __future__ import annotations

import typer

app = typer.Typer(help="Work with token hashes.", no_args_is_help=True)


@app.command("hash")
def hash_() -> None:
    """Read a token from stdin and print the keyed hash under which tokentrail knows it."""
    import sys

    from ingest.privacy import Secrets

    token = sys.stdin.readline().strip()
    typer.echo(Secrets.from_environment().hash_token(token))
