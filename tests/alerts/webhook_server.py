"""An HTTP server that takes posted alerts, or does not."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple


class Request(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Server:
    """Answers with `status` and `headers`, and with `refusal` to what holds the words of `unwanted`."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.unwanted: bytes | None = None
        self.taken: list[Request] = []
        self.tries = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.tries += 1
                refused = outer.unwanted is not None and outer.unwanted in body
                status = 422 if refused else outer.status
                if status < 300:
                    outer.taken.append(Request({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if status >= 300:
                    self.wfile.write(b"not\x1b[31m\r\nthis one")

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret-path"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def records(self) -> list[bytes]:
        return [line for request in self.taken for line in request.body.splitlines()]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
