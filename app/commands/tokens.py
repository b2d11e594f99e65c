"""`tokentrail tokens`: find a leaked token without writing it down."""

from __future__ import annotations

import typer

from schemas.errors import SourceError

app = typer.Typer(help="Work with token hashes.", no_args_is_help=True)


@app.command("hash")
def hash_() -> None:
    """Read a token from stdin and print the keyed hash under which tokentrail knows it."""
    import sys

    from ingest.privacy import Secrets

    secrets = Secrets.from_environment()
    token = sys.stdin.buffer.readline().strip()
    if not token:
        raise SourceError("holds no token", place="standard input", next_step="pipe the token in, or type it")
    typer.echo(secrets.hash_token(token))
