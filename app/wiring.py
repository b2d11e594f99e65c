"""Where objects are built: everything else receives what it needs."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from alerts.publisher import Publisher
from alerts.sinks.file import FileSink
from alerts.sinks.kafka import KafkaSink, alert_message, state_message
from alerts.sinks.syslog import Header, SyslogSink
from app.settings import (
    AnySink,
    FileSinkSettings,
    KafkaSinkSettings,
    KafkaStateSinkSettings,
    Settings,
    SyslogSinkSettings,
)
from engines.chunks import ChunkFolder
from engines.jwks_watch import JwksSource, JwksWatch
from engines.keybook import KeyBook
from engines.lake import Lake
from engines.pipeline import Pipeline
from engines.status import DeadLetterSink, Limits
from engines.worker import Worker
from ingest.deadletter_topic import DeadLetterTopic
from ingest.deadletters import DeadLetterFile
from ingest.decode import Decoder
from ingest.kafka_source import KafkaSource
from ingest.privacy import HASH_KEY_VARIABLE, Secrets
from ingest.vendors import with_mapped
from schemas.errors import ConfigError
from store.engine import Database, connect
from store.events import EventQueries
from store.migrate import migrate, require_current
from store.outbox import Outbox, StateOutbox

KEYS_FILE: Final = "keys.ndjson"
"""Where a worker records what issuers listed, in the folder of its state."""
REPLAY_KEY: Final = b"tokentrail replay without a key"
"""Column hashes of a replay without `TOKENTRAIL_HASH_KEY`; nothing of it is stored."""


def secrets() -> Secrets:
    """Read the hash keys from the environment.

    Raises:
        ConfigError: there is none, or it is malformed.
    """
    return Secrets.from_environment()


def secrets_or_default() -> Secrets:
    """Read the hash keys; without any, a fixed one for work that stores nothing."""
    return secrets() if os.environ.get(HASH_KEY_VARIABLE) else Secrets(REPLAY_KEY)


def key_book(settings: Settings, keys: Secrets) -> KeyBook | None:
    """Open the key book, where the settings name keys or issuers that list theirs; nothing is fetched.

    Raises:
        SourceError: what a worker recorded cannot be read.
    """
    if not (settings.keys or settings.jwks):
        return None
    return KeyBook(keys, settings.keys, settings.store.state / KEYS_FILE)


def jwks_sources(settings: Settings) -> list[JwksSource]:
    """Give what to read of the issuers that list their keys."""
    return [JwksSource(entry.tenant, entry.iss, entry.place, entry.refresh) for entry in settings.jwks]


def new_pipeline(settings: Settings, book: KeyBook | None = None) -> Pipeline:
    """Build the pipeline of the settings; `book` has what is known of keys."""
    source = settings.source
    return Pipeline(
        settings.running(),
        lateness=source.lateness,
        horizon=source.horizon,
        allow=settings.allow,
        keys=book,
        shadow=settings.shadow,
    )


def config_digest(settings: Settings) -> str:
    """Digest of what decides over alerts: source, detectors, keys and what is allowed."""
    text = settings.model_dump_json(include={"source", "detectors", "disabled", "shadow", "allow", "keys"})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def open_store(settings: Settings) -> Database:
    """Connect to the store and bring its tables up to date; only workers may."""
    database = connect(settings.store.url)
    migrate(database)
    return database


@contextmanager
def existing_store(settings: Settings) -> Iterator[Database]:
    """Connect to the store of a worker, to read from it.

    Raises:
        StoreVersionError: its tables are missing, or of another version.
        StoreError: there is no store.
    """
    database = connect(settings.store.url, must_exist=True)
    try:
        require_current(database)
        yield database
    finally:
        database.close()


def event_lake(settings: Settings, database: Database) -> Lake | None:
    """Give where the worker keeps events, if it does."""
    chosen = settings.lake
    return Lake(database, chosen.path, chosen.keep) if chosen.enabled else None


def event_queries(settings: Settings, database: Database, path: Path | None = None) -> EventQueries:
    """Read the events of a store; `path` is where the lake's folder lies if not where the settings say."""
    return EventQueries(database, path or settings.lake.path)


def dead_letters(settings: Settings) -> DeadLetterSink:
    """Open the place for dead letters."""
    chosen = settings.dead_letters
    if chosen.topic:
        return DeadLetterTopic(chosen.topic, settings.kafka.client())
    if chosen.file:
        return DeadLetterFile(chosen.file)
    raise ConfigError("neither topic nor file is set", place="[dead_letters]", next_step="set one: nothing may be lost")


def kafka_source(settings: Settings, offsets: Mapping[int, int]) -> KafkaSource:
    """Open the event topic at the offsets of a checkpoint."""
    client = settings.kafka.client() | {"group_id": settings.kafka.group_id}
    return KafkaSource(settings.kafka.topic, client, offsets=offsets, first_start=settings.kafka.first_start)


def limits(settings: Settings) -> Limits:
    """Collect the worker's bounds."""
    return Limits(
        lateness=settings.source.lateness,
        max_waiting=settings.source.max_waiting,
        checkpoint_every=settings.store.checkpoint_every,
        lease=settings.store.lease,
        dead_letters_per_minute=settings.dead_letters.pause_above_per_minute,
    )


def new_worker(settings: Settings, keys: Secrets, database: Database) -> Worker:
    """Build the worker on Kafka."""
    settings.store.state.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    book = key_book(settings, keys)
    lists = jwks_sources(settings)
    return Worker(
        worker_id=f"{host}-{os.getpid()}-{os.urandom(4).hex()}",
        host=host,
        database=database,
        folder=ChunkFolder(settings.store.state),
        new_pipeline=partial(new_pipeline, settings, book),
        new_source=partial(kafka_source, settings),
        decoder=Decoder(keys, settings.source.format, with_mapped(settings.mappings)),
        dead_letters=dead_letters(settings),
        limits=limits(settings),
        config_digest=config_digest(settings),
        jwks=JwksWatch(lists, book) if book and lists else None,
        lake=event_lake(settings, database),
    )


def publishers(settings: Settings, database: Database) -> list[Publisher[Any]]:
    """Build one publisher a sink."""
    return [_publisher(sink, settings, database) for sink in settings.sinks]


def _publisher(sink: AnySink, settings: Settings, database: Database) -> Publisher[Any]:
    match sink:
        case FileSinkSettings():
            return Publisher(sink.name, Outbox(database), FileSink(sink.path, sink.form))
        case KafkaSinkSettings():
            client = settings.kafka.client()
            return Publisher(
                sink.name, Outbox(database), KafkaSink(sink.topic, client, partial(alert_message, sink.form))
            )
        case KafkaStateSinkSettings():
            client = settings.kafka.client()
            return Publisher(sink.name, StateOutbox(database), KafkaSink(sink.topic, client, state_message))
        case SyslogSinkSettings():
            header = Header(sink.facility, sink.hostname or socket.gethostname(), sink.app_name)
            address = (sink.host, sink.port)
            syslog = SyslogSink(address, header, sink.form, tls=sink.tls(), wait=sink.wait_for_close)
            return Publisher(sink.name, Outbox(database), syslog)
