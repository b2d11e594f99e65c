"""A syslog receiver that goes away and comes back: octet-counted frames over TCP or TLS, read as the RFCs say."""

from __future__ import annotations

import re
import socket
import ssl
from threading import Thread
from typing import NamedTuple, Self

MESSAGE = re.compile(
    rb"<(?P<priority>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) (?P<host>[!-~]{1,255}) "
    rb"(?P<app>[!-~]{1,48}) (?P<process>[!-~]{1,128}) (?P<id>[!-~]{1,32}) - (?P<record>.*)",
    re.DOTALL,
)
"""RFC 5424 section 6, as far as we use it."""


class Message(NamedTuple):
    facility: int
    severity: int
    time: str
    host: str
    app: str
    id: str
    record: bytes


def parsed(frame: bytes) -> Message:
    found = MESSAGE.fullmatch(frame)
    assert found is not None, frame[:200]
    facility, severity = divmod(int(found["priority"]), 8)
    time, host, app, id_ = (found[name].decode() for name in ("time", "host", "app", "id"))
    return Message(facility, severity, time, host, app, id_, found["record"])


class Receiver:
    """Listens on one port of the loopback for as long as the block lasts; keeps what it has read over restarts.

    Args:
        tls: its certificate.

    Attributes:
        dies_after: frames of a connection after which it drops it, leaving the rest unread.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.frames: list[bytes] = []
        self.faults: list[str] = []
        self.dies_after: int | None = None
        self._server: socket.socket | None = None
        self._thread: Thread | None = None

    @property
    def messages(self) -> list[Message]:
        assert self.faults == []
        return [parsed(frame) for frame in self.frames]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self._thread = Thread(target=self._serve, args=(self._server,))
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._server.close()
            self._server = None

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                try:
                    self._read(connection)
                except (OSError, ssl.SSLError):
                    continue

    def _read(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        # Without a buffer: what a dying receiver has not asked for is unread.
        with connection:
            for count in range(1_000_000):
                if count == self.dies_after:
                    return
                digits = b""
                while (byte := connection.recv(1)).isdigit():
                    digits += byte
                if not byte:
                    return
                if byte != b" " or digits.startswith(b"0") or not digits:
                    self.faults.append(f"no length: {digits + byte!r}")
                frame = b""
                while len(frame) < int(digits) and (part := connection.recv(int(digits) - len(frame))):
                    frame += part
                if len(frame) == int(digits):
                    self.frames.append(frame)
