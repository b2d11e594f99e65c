"""Creation of the topics named in the settings."""

from __future__ import annotations

from datetime import timedelta

from kafka import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

from app.brokers import ANSWER, named_errors
from app.settings import KafkaSinkSettings, Settings


def wanted(settings: Settings) -> dict[str, dict[str, str]]:
    """Give each topic's name and its own configuration."""
    base = {"min.insync.replicas": str(settings.topics.min_insync_replicas)}
    kept = {"retention.ms": str(settings.topics.alert_retention // timedelta(milliseconds=1))}
    topics = {settings.kafka.topic: base}
    if settings.dead_letters.topic:
        topics[settings.dead_letters.topic] = base | kept
    for sink in settings.sinks:
        if isinstance(sink, KafkaSinkSettings):
            topics[sink.topic] = base | kept
    return topics


def create_missing(settings: Settings) -> dict[str, bool]:
    """Create what is missing; give for each topic whether it was created.

    Raises:
        SourceError: no broker answers, or it refuses.
    """
    created = {}
    place = f"brokers {', '.join(settings.kafka.bootstrap_servers)}"
    with (
        named_errors(place, "check [kafka] in the settings, and our rights"),
        KafkaAdminClient(**settings.kafka.client(), **ANSWER) as admin,
    ):
        for name, configuration in wanted(settings).items():
            try:
                admin.create_topics(
                    {
                        name: {
                            "num_partitions": settings.topics.partitions,
                            "replication_factor": settings.topics.replication_factor,
                            "configs": configuration,
                        }
                    }
                )
                created[name] = True
            except TopicAlreadyExistsError:
                created[name] = False
    return created
