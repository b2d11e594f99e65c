"""Alerts on a Kafka topic, keyed by alert id so that the revisions of one alert stay in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from alerts.formats import NATIVE, Format
from alerts.record import headers_of
from alerts.sinks import SinkError
from schemas.revisions import StoredRevision

CONFIRM_SECONDS: Final = 30.0


class KafkaSink:
    """Idempotent producer; every revision is confirmed by all in-sync replicas before `write` returns."""

    def __init__(self, topic: str, client: Mapping[str, Any], form: Format = NATIVE) -> None:
        self._form = form
        self._topic = topic
        self._client = dict(client)
        self._producer: KafkaProducer | None = None

    def write(self, revisions: Sequence[StoredRevision]) -> None:
        """Send the revisions and wait for the brokers; connects when first needed, and anew after an error."""
        try:
            producer = self._producer = self._producer or self._connected()
            sent = [self._send(producer, *each) for each in self._form.records(revisions)]
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

    def _send(self, producer: KafkaProducer, revision: StoredRevision, record: bytes) -> Any:  # noqa: ANN401 - kafka-python's future
        headers = headers_of(revision, self._form.content_type, self._form.schema)
        return producer.send(self._topic, record, revision.alert_id.encode(), headers=headers)

    def close(self) -> None:
        """Leave within a bounded time."""
        if self._producer is not None:
            self._producer.close(timeout=CONFIRM_SECONDS)
