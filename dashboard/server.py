"""Serves the dashboard: Streamlit's ASGI app with our headers, in this process (`serve`) or its own (`start`)."""

from __future__ import annotations

import multiprocessing
import socket
import webbrowser
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Thread
from typing import Any, Final

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from dashboard.csp import SecurityHeaders
from dashboard.data import SECRETS
from dashboard.theme import options
from dashboard.views.geography import OUTLINES_PATH
from schemas.errors import TokentrailError
from schemas.triage import Sla

SCRIPT: Final = Path(__file__).parent / "script" / "tokentrail_pages.py"
OUTLINES: Final = Path(__file__).parent / "assets" / "countries-110m.json"
DAY: Final = 86_400
NO_SLA: Final[Sla] = {}


class DashboardError(TokentrailError):
    """The dashboard does not start; the message says what to change."""


def serve(
    store_url: str,
    host: str = "127.0.0.1",
    port: int = 8501,
    *,
    lake: str = "",
    sla: Sla = NO_SLA,
    demo: bool = False,
    open_browser: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; sessions are closed before it returns.

    Args:
        store_url: SQLAlchemy URL of a store that a worker has migrated, or will.
        host: address to bind; only the loopback is allowed, as nobody has to log in.
        port: must be free.
        lake: folder of the event lake; empty for none.
        sla: in which time somebody must have taken an alert.
        demo: mark every page as made-up data.
        open_browser: open the default browser when the server answers.

    Raises:
        DashboardError: `host` is not the loopback, or the port is taken.
    """
    _refuse_strangers(host)
    require_free(host, port)
    app = st.App(
        SCRIPT,
        secrets={SECRETS: secrets(store_url, lake=lake, sla=sla, demo=demo)},
        routes=[Route(OUTLINES_PATH, _outlines)],
        middleware=[Middleware(SecurityHeaders)],
        lifespan=_opening(address(host, port)) if open_browser else None,
    )
    app.run(config=options(host, port))


def secrets(store_url: str, *, lake: str = "", sla: Sla = NO_SLA, demo: bool = False) -> dict[str, Any]:
    """What pages are told of the settings."""
    return {
        "store": store_url,
        "demo": demo,
        "lake": lake,
        "sla": {severity.name: span for severity, span in sla.items()},
    }


def start(store_url: str, host: str = "127.0.0.1", port: int = 8501, **settings: bool | str | Sla) -> SpawnProcess:
    """Start `serve` in a process of its own, so that pages do not wait for a busy worker; it ends with this one.

    The store's URL goes through a pipe, not the command line, where other users would read its password.
    `terminate()` is the clean way to end it.

    Raises:
        DashboardError: as `serve`.
    """
    _refuse_strangers(host)
    require_free(host, port)
    context = multiprocessing.get_context("spawn")
    process = context.Process(
        target=serve, args=(store_url, host, port), kwargs=settings, name="tokentrail-dashboard", daemon=True
    )
    process.start()
    return process


def address(host: str, port: int) -> str:
    """Where a browser finds it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refuse_strangers(host: str) -> None:
    if not _is_loopback(host):
        raise DashboardError(
            "is reachable by others, and nobody would have to log in",
            place=host,
            next_step="bind 127.0.0.1, and put a proxy that asks who it is before it (docs/operations.md)",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def require_free(host: str, port: int) -> None:
    """Check that nobody listens there. Raises DashboardError."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise DashboardError(
            f"cannot be listened on: {error.strerror}", place=f"{host}:{port}", next_step="choose another --port"
        ) from error


async def _outlines(_request: Request) -> Response:
    return FileResponse(
        OUTLINES, media_type="application/json", headers={"cache-control": f"public, max-age={7 * DAY}"}
    )


def _opening(url: str) -> Callable[[st.App], Any]:
    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncGenerator[None]:
        # The socket listens already, so the browser waits for the answer instead of failing.
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        yield

    return lifespan
