"""`tokentrail demo`: everything on one machine with made-up traffic."""

from __future__ import annotations

import time
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from app.options import time_option
from app.output import note


def demo(
    seed: Annotated[int, typer.Option(help="Same seed and start: same alerts.")] = 1,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the dashboard.")] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    start: Annotated[str | None, typer.Option(help="Event time at which live traffic begins. Default: now.")] = None,
) -> None:
    """Show tokentrail at work: history, then live traffic with attacks in it, and the dashboard. Needs no broker.

    Runs until Ctrl-C and leaves nothing behind.
    """
    from app.demonstration import Demonstration
    from dashboard.server import require_free

    begin = time_option(start, "--start") or time.time_ns() // 1_000
    require_free("127.0.0.1", port)
    with TemporaryDirectory(prefix="tokentrail-demo-") as folder:
        note("preparing (the first run compiles the detectors, which takes some minutes)")
        demonstration = Demonstration(folder, seed, begin)
        demonstration.warm()
        note(f"DEMO DATA, seed {seed}: http://127.0.0.1:{port}  (stop with Ctrl-C)")
        demonstration.run(port, open_browser=browser)
