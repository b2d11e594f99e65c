"""Alerts posted in batches to a server of somebody else (HTTPS), signed as Standard Webhooks says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader

from alerts.formats import Format
from alerts.sinks import Backoff, SinkError
from alerts.summary import safe
from schemas.fields import format_time
from schemas.revisions import StoredRevision

LOG: Final = logging.getLogger(__name__)

TIMEOUT: Final = urllib3.Timeout(connect=10, read=30)
LONGEST_ASKED: Final = 3_600.0
"""Seconds that `Retry-After` may ask for."""
MAX_REASON: Final = 256
_WAIT: Final = frozenset({401, 403, 404, 407, 408, 421, 425, 429})
"""4xx that refuse the sender or the moment, not the records: somebody can mend it, and nothing has to be given up."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how batches are posted.

    Attributes:
        url: only its scheme and host are ever told to anybody else: the path may hold a secret.
        body: lines (NDJSON where the format is JSON) or a JSON array.
        batch: most alerts of one request.
        secret: key of the signature; None for none.
        authorization: value of that header.
        ca_file: authorities that sign the server's certificate; the system's without it.
    """

    url: str
    body: Literal["lines", "array"] = "lines"
    batch: int = 100
    secret: bytes | None = None
    authorization: str | None = None
    ca_file: Path | None = None

    @property
    def origin(self) -> str:
        """Scheme and host."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def headers(self, content: bytes, kind: str, now: int) -> dict[str, str]:
        """Give the headers of a request at `now`, s. Equal batches have equal ids."""
        id_ = f"msg_{hashlib.sha256(content).hexdigest()[:32]}"
        headers = {"content-type": kind, "user-agent": "tokentrail", "webhook-id": id_, "webhook-timestamp": str(now)}
        if self.secret is not None:
            digest = hmac.digest(self.secret, f"{id_}.{now}.".encode() + content, "sha256")
            headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        if self.authorization is not None:
            headers["authorization"] = self.authorization
        return headers


class _Answer(NamedTuple):
    status: int
    reason: str
    retry_after: str | None


class WebhookSink:
    """Safe when the server has answered 2xx. Redirects are not followed.

    A batch that is refused for good (4xx) is halved until the records that it is refused for are alone; those go to a
    file with the reason, and the others on. After anything else the batch comes again.

    Args:
        target: where to.
        form: of the alerts.
        refused: file of what was refused: a line with `refused_at`, `status`, `reason` and `record` each.
    """

    def __init__(self, target: Target, form: Format, refused: Path) -> None:
        self._target = target
        self._form = form
        self._refused = refused
        self._backoff = Backoff()
        ca_file = None if target.ca_file is None else str(target.ca_file)
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT, ca_certs=ca_file)

    def write(self, records: Sequence[StoredRevision]) -> None:
        """Post the revisions, batch after batch."""
        written = (record for it in records if (record := self._form.record(it)) is not None)
        for batch in _batches(written, self._target.batch):
            self._offer(batch)
        self._backoff.reset()

    def _offer(self, batch: list[bytes]) -> None:
        answer = self._post(batch)
        if 200 <= answer.status < 300:  # noqa: PLR2004 - taken
            return
        if not 400 <= answer.status < 500 or answer.status in _WAIT:  # noqa: PLR2004 - the client's fault
            raise SinkError(f"webhook {self._target.origin}: {_said(answer)}", wait=self._wait(answer.retry_after))
        if len(batch) > 1:
            half = len(batch) // 2
            self._offer(batch[:half])
            self._offer(batch[half:])
        else:
            self._keep(batch[0], answer)

    def _post(self, batch: list[bytes]) -> _Answer:
        content, kind = self._content(batch)
        headers = self._target.headers(content, kind, int(time.time()))
        try:
            answer = self._pool.request(
                "POST", self._target.url, body=content, headers=headers, redirect=False, preload_content=False
            )
            try:
                reason = answer.read(MAX_REASON, decode_content=False).decode(errors="replace")
                return _Answer(answer.status, safe(reason, MAX_REASON), answer.headers.get("retry-after"))
            finally:
                # What follows may be endless.
                answer.close()
        except (HTTPError, OSError) as error:
            # Its text may name the whole URL.
            why = getattr(error, "reason", None) or error
            raise SinkError(f"webhook {self._target.origin}: {type(why).__name__}", wait=self._wait(None)) from error

    def _content(self, batch: list[bytes]) -> tuple[bytes, str]:
        if self._target.body == "array":
            return b"[" + b",".join(batch) + b"]", "application/json"
        json = self._form.content_type == "application/json"
        return b"\n".join(batch) + b"\n", "application/x-ndjson" if json else self._form.content_type

    def _wait(self, retry_after: str | None) -> float:
        """Seconds until the next try: at least what the server asks for, within reason."""
        own = self._backoff.next()
        try:
            asked = urllib3.Retry().parse_retry_after(retry_after) if retry_after else 0.0
        except (InvalidHeader, OverflowError, ValueError):
            asked = 0.0
        return max(own, min(asked, LONGEST_ASKED))

    def _keep(self, record: bytes, answer: _Answer) -> None:
        letter = {
            "refused_at": format_time(time.time_ns() // 1_000),
            "status": answer.status,
            "reason": answer.reason,
            "record": record.decode(),
        }
        try:
            self._refused.parent.mkdir(parents=True, exist_ok=True)
            with self._refused.open("ab") as file:
                file.write(orjson.dumps(letter, option=orjson.OPT_APPEND_NEWLINE))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SinkError(f"{self._refused}: {error.strerror}") from error
        LOG.warning("webhook %s refused an alert: %s; see %s", self._target.origin, _said(answer), self._refused)

    def close(self) -> None:
        """Let go of connections."""
        self._pool.clear()


def _batches(records: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    while batch := list(islice(records, size)):
        yield batch


def _said(answer: _Answer) -> str:
    return f"HTTP {answer.status} {answer.reason}".strip()
