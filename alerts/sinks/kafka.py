"""Alerts, or their triage states, on a Kafka topic, keyed by alert id so that what is said of one stays in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from alerts.formats import Format
from alerts.record import headers_of
from alerts.sinks import SinkError
from alerts.state_record import state_headers, state_record
from schemas.revisions import StoredRevision
from schemas.triage import StoredState

CONFIRM_SECONDS: Final = 30.0
_T = TypeVar("_T")


class Message(NamedTuple):
    """What goes onto the topic."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def alert_message(form: Format, revision: StoredRevision) -> Message | None:
    """A revision of an alert; None where the format leaves it out."""
    record = form.record(revision)
    if record is None:
        return None
    headers = headers_of(revision, form.content_type, form.schema)
    return Message(revision.alert_id.encode(), record, headers)


def state_message(stored: StoredState) -> Message:
    """The triage state of an alert: on a compacted topic the latest one stays."""
    return Message(stored.alert_id.encode(), state_record(stored.state), state_headers(stored.state))


class KafkaSink(Generic[_T]):
    """Idempotent producer; every record is confirmed by all in-sync replicas before `write` returns.

    Args:
        topic: must exist.
        client: settings of kafka-python.
        message: what a record looks like on the topic; None for what does not go there.
    """

    def __init__(self, topic: str, client: Mapping[str, Any], message: Callable[[_T], Message | None]) -> None:
        self._topic = topic
        self._message = message
        self._client = dict(client)
        self._producer: KafkaProducer | None = None

    def write(self, records: Sequence[_T]) -> None:
        """Send the records and wait for the brokers; connects when first needed, and anew after an error."""
        try:
            producer = self._producer = self._producer or self._connected()
            messages = [it for it in map(self._message, records) if it is not None]
            sent = [self._send(producer, message) for message in messages]
            producer.flush(timeout=CONFIRM_SECONDS)
            for future in sent:
                future.get(timeout=CONFIRM_SECONDS)
        except (KafkaError, OSError) as error:
            self._drop()
            raise SinkError(f"kafka topic {self._topic}: {error}") from error

    def _connected(self) -> KafkaProducer:
        # A producer would look for a missing topic for a minute, and log it ten times a second.
        with KafkaConsumer(**self._client, enable_auto_commit=False) as probe:
            if not probe.partitions_for_topic(self._topic):
                raise SinkError(f"kafka topic {self._topic}: no such topic; create it: tokentrail topics create")
        return KafkaProducer(**self._client, acks="all", linger_ms=5)

    def _drop(self) -> None:
        """Give up what is still on its way: it is offered again, and behind newer revisions it would come too late."""
        if self._producer is not None:
            self._producer.close(timeout=0)
            self._producer = None

    def _send(self, producer: KafkaProducer, message: Message) -> Any:  # noqa: ANN401 - kafka-python's future
        key, value, headers = message
        return producer.send(self._topic, value, key, headers=headers)

    def close(self) -> None:
        """Leave within a bounded time."""
        if self._producer is not None:
            self._producer.close(timeout=CONFIRM_SECONDS)
