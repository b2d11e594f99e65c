"""Creation of the topics named in the settings."""

from __future__ import annotations

from datetime import timedelta

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from app.brokers import ANSWER, named_errors
from app.settings import KafkaSinkSettings, KafkaStateSinkSettings, Settings


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
        if isinstance(sink, KafkaStateSinkSettings):
            topics[sink.topic] = base | {"cleanup.policy": "compact"}
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


def kept_too_short(settings: Settings) -> dict[str, timedelta]:
    """Give the topics that keep records for less than the settings say, and for how long.

    Empty where the broker does not let us see its configuration.
    """
    wishes = {name: int(topic["retention.ms"]) for name, topic in wanted(settings).items() if "retention.ms" in topic}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wishes]
    try:
        with KafkaAdminClient(**settings.kafka.client(), **ANSWER) as admin:
            found = admin.describe_configs(asked, config_filter="all")["topic"]
    except KafkaError:
        return {}
    kept = {name: int(found[name]["retention.ms"]["value"]) for name in wishes}
    return {name: timedelta(milliseconds=ms) for name, ms in kept.items() if 0 <= ms < wishes[name]}
