"""Where event streams go to and come from on the command line: files, `-`, and `kafka://host:port/topic`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import orjson

from app.brokers import ANSWER, named_errors, servers
from schemas.errors import ConfigError, SourceError
from schemas.fields import parse_time

SCHEME: Final = "kafka"
IN_FLIGHT: Final = 5_000
TOPIC_MS: Final = 10_000
"""How long a producer looks for its topic."""
DAY: Final = 86_400_000_000


class TopicUrl(NamedTuple):
    """A topic and the brokers it is on."""

    bootstrap: list[str]
    topic: str

    @property
    def place(self) -> str:
        """As the user wrote it."""
        return f"{SCHEME}://{','.join(self.bootstrap)}/{self.topic}"


def topic_url(text: str) -> TopicUrl | None:
    """Read `kafka://host:port[,host:port]/topic`; None for anything that is not of that scheme.

    Raises:
        ConfigError: the scheme is right and the rest is not.
    """
    parts = urlsplit(text)
    if parts.scheme != SCHEME:
        return None
    topic = parts.path.strip("/")
    try:
        bootstrap = servers(parts.netloc)
    except ValueError as error:
        raise ConfigError(str(error), place=f"{SCHEME}://", next_step="write kafka://host:port/topic") from None
    if not topic or "/" in topic:
        raise ConfigError("names no topic", place=text, next_step="write kafka://host:port/topic")
    return TopicUrl(bootstrap, topic)


class EventSink(Protocol):
    """Takes events in order."""

    def write(self, events: Iterable[dict[str, Any]]) -> int:
        """Write events and give their number."""


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, events: Iterable[dict[str, Any]]) -> int:
        count = 0
        for event in events:
            self._file.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
        self._file.flush()
        return count


class _Topic:
    """Events on a topic, keyed by subject or client; the record's timestamp is the event's time if that is recent.

    Brokers delete what is older than their retention by that timestamp, within minutes. So an event older than a day
    gets the time of writing, which is as good for watermarks: they go by the earlier of the two.
    """

    def __init__(self, url: TopicUrl) -> None:
        from kafka import KafkaProducer
        from kafka.errors import KafkaTimeoutError

        self._url = url
        with named_errors(url.place):
            self._producer = KafkaProducer(
                bootstrap_servers=url.bootstrap,
                linger_ms=50,
                compression_type="lz4",
                batch_size=256 * 1024,
                max_block_ms=TOPIC_MS,
                **ANSWER,
            )
            try:
                self._producer.partitions_for(url.topic)
            except KafkaTimeoutError as error:
                self._producer.close(timeout=0)
                raise SourceError(
                    "no such topic", place=url.place, next_step="create it: tokentrail topics create"
                ) from error

    def write(self, events: Iterable[dict[str, Any]]) -> int:
        recent = time.time_ns() // 1_000 - DAY
        count = 0
        waiting = []
        with named_errors(self._url.place):
            for event in events:
                key = event.get("sub") or event.get("client_id") or event["event_id"]
                at = parse_time(event["time"])
                stamp = at // 1_000 if at >= recent else None
                waiting.append(
                    self._producer.send(self._url.topic, orjson.dumps(event), key.encode(), timestamp_ms=stamp)
                )
                count += 1
                if len(waiting) >= IN_FLIGHT:
                    self._confirm(waiting)
                    waiting = []
            self._confirm(waiting)
        return count

    def _confirm(self, futures: list[Any]) -> None:
        self._producer.flush()
        for future in futures:
            future.get(timeout=30)

    def close(self) -> None:
        self._producer.close()


@contextmanager
def event_sink(out: str) -> Iterator[EventSink]:
    """Open the place that `--out` names: a file, `-` for stdout, or a topic."""
    if url := topic_url(out):
        topic = _Topic(url)
        try:
            yield topic
        finally:
            topic.close()
    elif out == "-":
        yield _Lines(sys.stdout.buffer)
    else:
        with open(out, "wb") as file:  # noqa: PTH123 - `out` is what the user typed
            yield _Lines(file)
