"""Response headers that keep a hostile string from loading or sending anything, whatever element shows it."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SOURCES: Final = {
    "default-src": "'self'",
    "img-src": "'self' data: blob:",
    "style-src": "'self' 'unsafe-inline'",
    # Vega compiles its expressions, so charts need eval.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "font-src": "'self' data:",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
POLICY: Final = "; ".join(f"{directive} {sources}" for directive, sources in _SOURCES.items())
HEADERS: Final = {
    "content-security-policy": POLICY,
    # Addresses of pages carry alert and entity ids.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class SecurityHeaders:
    """ASGI middleware that sets `HEADERS` on every HTTP response, Streamlit's own included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; anything but HTTP is left alone."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
