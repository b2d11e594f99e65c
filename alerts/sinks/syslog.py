"""Alerts for a syslog receiver: RFC 5424 messages over TCP (RFC 6587, octet counting) or TLS (RFC 5425)."""

from __future__ import annotations

import fcntl
import re
import socket
import ssl
import struct
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson

from alerts.formats import Format
from alerts.sinks import Backoff, SinkError
from schemas.revisions import StoredRevision

TIMEOUT_SECONDS: Final = 10.0
"""For each of connecting, sending and the receiver's close."""
ACKNOWLEDGE_SECONDS: Final = 2.0
FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8))),
)
"""In the order of their codes (RFC 5424 section 6.2.1)."""
SEVERITIES: Final = {"critical": 2, "high": 3, "medium": 4, "low": 5, "informational": 6}
_UNPRINTABLE: Final = re.compile(r"[^!-~]")
MAX_HOST: Final = 255
MAX_APP: Final = 48
MAX_MSGID: Final = 32


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before each alert; characters that a header field may not have become `_`.

    Attributes:
        facility: one of `FACILITIES`.
        host, app: who sends; what is too long is cut.
    """

    facility: str
    host: str
    app: str

    def message(self, revision: StoredRevision, record: bytes) -> bytes:
        """Give one message: no structured data, the record as it is, without a byte order mark."""
        body = orjson.loads(revision.body)
        priority = FACILITIES.index(self.facility) * 8 + SEVERITIES[body["severity"]]
        names = (_field(self.host, MAX_HOST), _field(self.app, MAX_APP), "-", _field(body["detector"], MAX_MSGID))
        return f"<{priority}>1 {body['time']} {' '.join(names)} - ".encode() + record


class SyslogSink:
    """One connection a batch, which both sides end: the receiver's close says that it has read everything.

    TCP alone confirms nothing: what a receiver had not read when it died would be lost without a word. A receiver that
    closes before it has read all is found out, and the batch comes again.

    Args:
        address: host and port.
        header: of each message.
        form: of the alerts.
        tls: for TLS, else plain TCP.
        wait: whether the receiver's close is waited for over plain TCP; TLS always does.
    """

    def __init__(
        self,
        address: tuple[str, int],
        header: Header,
        form: Format,
        *,
        tls: ssl.SSLContext | None = None,
        wait: bool = True,
    ) -> None:
        self._address = address
        self._header = header
        self._form = form
        self._tls = tls
        self._wait = wait
        self._backoff = Backoff()

    def write(self, records: Sequence[StoredRevision]) -> None:
        """Send the revisions and wait until the receiver has read them."""
        frames = [frame for it in records if (frame := self._frame(it)) is not None]
        try:
            if frames:
                self._deliver(b"".join(frames))
        except OSError as error:
            host, port = self._address
            raise SinkError(f"syslog {host}:{port}: {error}", wait=self._backoff.next()) from error
        self._backoff.reset()

    def _frame(self, revision: StoredRevision) -> bytes | None:
        record = self._form.record(revision)
        if record is None:
            return None
        message = self._header.message(revision, record)
        return b"%d %b" % (len(message), message)

    def _deliver(self, data: bytes) -> None:
        with socket.create_connection(self._address, TIMEOUT_SECONDS) as plain:
            if self._tls is None:
                plain.sendall(data)
                _end(plain, wait=self._wait)
                return
            with self._tls.wrap_socket(plain, server_hostname=self._address[0]) as secure:
                secure.sendall(data)
                _end_tls(secure)

    def close(self) -> None:
        """Nothing stays open between batches."""


def _end_tls(connection: ssl.SSLSocket) -> None:
    """Say that nothing follows (close_notify) and wait for the answer, then end the connection below.

    Without waiting, what the receiver says last (session tickets) would arrive at a closed port, and that tells it to
    throw away what it has not read.
    """
    # An end without the answer that RFC 5425 section 4.4 asks for is one, too.
    with suppress(ssl.SSLEOFError):
        connection.unwrap()
    _end(connection, wait=True)


def _end(connection: socket.socket, *, wait: bool) -> None:
    connection.shutdown(socket.SHUT_WR)
    if not wait:
        return
    if not _closed(connection):
        raise OSError("did not close the connection after the last message; see `wait_for_close`")
    # Its end can have been sent before it had read ours: then it will not acknowledge all that we sent.
    end = time.monotonic() + ACKNOWLEDGE_SECONDS
    while _unacknowledged(connection):
        if time.monotonic() > end:
            raise OSError("closed the connection before it had read everything")
        time.sleep(0.001)


def _closed(connection: socket.socket) -> bool:
    """Read until the receiver ends the connection, but not for ever; what it says is of no interest."""
    end = time.monotonic() + TIMEOUT_SECONDS
    try:
        while connection.recv(4_096):
            if time.monotonic() > end:
                return False
    except TimeoutError:
        return False
    return True


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that the other host has not acknowledged (`SIOCOUTQ`, which has the number of `TIOCOUTQ` on Linux)."""
    return int(struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0])


def _field(text: str, limit: int) -> str:
    return _UNPRINTABLE.sub("_", text)[:limit] or "-"
