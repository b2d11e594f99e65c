"""Where event streams go to and come from on the command line: files, `-`, and `kafka://host:port/topic`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import orjson

from schemas.errors import ConfigError, SourceError
from schemas.fields import parse_time

SCHEME: Final = "kafka"
IN_FLIGHT: Final = 5_000


class TopicUrl(NamedTuple):
    """A topic and the brokers it is on."""

    bootstrap: str
    topic: str


def topic_url(text: str) -> TopicUrl | None:
    """Read `kafka://host:port[,host:port]/topic`; None for anything that is not of that scheme.

    Raises:
        ConfigError: the scheme is right and the rest is not.
    """
    parts = urlsplit(text)
    if parts.scheme != SCHEME:
        return None
    topic = parts.path.strip("/")
    if not parts.netloc or not topic or "/" in topic:
        raise ConfigError("not a topic", place=text, next_step="write kafka://host:port/topic")
    return TopicUrl(parts.netloc, topic)


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
    """Events on a topic, keyed by subject or client; the record's timestamp is the event's time."""

    def __init__(self, url: TopicUrl) -> None:
        from kafka import KafkaProducer
        from kafka.errors import KafkaError

        self._topic = url.topic
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=url.bootstrap.split(","), linger_ms=50, compression_type="lz4", batch_size=256 * 1024
            )
        except KafkaError as error:
            raise SourceError(
                f"no broker answers: {error}", place=url.bootstrap, next_step="start it, or check the address"
            ) from error

    def write(self, events: Iterable[dict[str, Any]]) -> int:
        count = 0
        waiting = []
        for event in events:
            key = event.get("sub") or event.get("client_id") or event["event_id"]
            value = orjson.dumps(event)
            waiting.append(
                self._producer.send(self._topic, value, key.encode(), timestamp_ms=parse_time(event["time"]) // 1_000)
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
