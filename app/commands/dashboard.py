"""`tokentrail dashboard`: the dashboard on an existing store."""

from __future__ import annotations

from typing import Annotated

import typer

from app.options import ConfigFile
from app.output import note


def dashboard(
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port to listen on.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = False,
) -> None:
    """Show the store's alerts in a browser."""
    from app.settings import lake_path, load
    from dashboard.server import address, serve

    settings = load(config)
    place = host or settings.dashboard.host, settings.dashboard.port if port is None else port
    note(f"starting on {address(*place)}; stop with Ctrl-C")
    serve(settings.store.url, *place, lake=lake_path(settings), sla=settings.triage.spans(), open_browser=browser)
