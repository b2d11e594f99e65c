"""Dead letters on a Kafka topic: value, key and headers as they came (raw tokens replaced), the reason in headers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from ingest.records import DeadLetter
from schemas.errors import SourceError

FLUSH_SECONDS: Final = 30.0


class DeadLetterTopic:
    """Producer of dead letters. At least once: after a crash the letters since the last checkpoint come again.

    Raises:
        SourceError: no broker answers, or there is no such topic.
    """

    def __init__(self, topic: str, client: Mapping[str, Any]) -> None:
        self._topic = topic
        self._place = f"kafka topic {topic}"
        try:
            # A producer would look for a missing topic for a minute, and only when the first letter is written.
            with KafkaConsumer(**client, enable_auto_commit=False) as probe:
                known = probe.partitions_for_topic(topic)
            if known:
                self._producer = KafkaProducer(**client, acks="all", linger_ms=20, compression_type="lz4")
        except (KafkaError, OSError) as error:
            raise SourceError(
                f"no broker answers: {error}",
                place=self._place,
                next_step="check bootstrap_servers, TLS and SASL settings",
            ) from error
        if not known:
            raise SourceError("no such topic", place=self._place, next_step="create it: tokentrail topics create")
        self._waiting: list[Any] = []

    def write(self, letters: Iterable[DeadLetter]) -> None:
        """Hand letters to the producer.

        Raises:
            SourceError: it takes no more, as the brokers have been away for long.
        """
        with self._told():
            for letter in letters:
                sent = self._producer.send(self._topic, letter.value, letter.key, headers=letter.connect_headers())
                self._waiting.append(sent)

    def flush(self) -> None:
        """Wait until the brokers have all of them.

        Raises:
            SourceError: they did not take them; the checkpoint that needs this must not happen.
        """
        waiting, self._waiting = self._waiting, []
        with self._told():
            self._producer.flush(timeout=FLUSH_SECONDS)
            for sent in waiting:
                sent.get(timeout=FLUSH_SECONDS)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise SourceError(
                f"dead letters cannot be written: {error}",
                place=self._place,
                next_step="create it (tokentrail topics create) and check its ACLs",
            ) from error
