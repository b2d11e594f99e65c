"""`tokentrail topics create` on a real broker."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import NamedTuple

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from tests.app.conftest import Tokentrail
from tests.services.service import Service


class Names(NamedTuple):
    """Topics that no other test uses."""

    events: str
    dead: str
    alerts: str
    more: str


@pytest.fixture
def names(kafka_broker: Service, tmp_path: Path) -> Names:
    names = Names(*(f"{kind}-{uuid.uuid4().hex}" for kind in Names._fields))
    sinks = "".join(
        f'[[sinks]]\ntype = "kafka"\nname = "{name}"\ntopic = "{name}"\n' for name in (names.alerts, names.more)
    )
    (tmp_path / "tokentrail.toml").write_text(
        f'[kafka]\nbootstrap_servers = "{kafka_broker.address}"\ntopic = "{names.events}"\n'
        f'[dead_letters]\ntopic = "{names.dead}"\n[topics]\npartitions = 3\nalert_retention = "14d"\n{sinks}',
        "utf-8",
    )
    return names


def configuration(broker: Service, topic: str) -> dict[str, str]:
    """What was set for a topic."""
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {name: entry["value"] for name, entry in answer["topic"][topic].items()}


def test_what_the_settings_name_is_created_as_they_say(
    names: Names, kafka_broker: Service, tokentrail: Tokentrail
) -> None:
    ran = tokentrail("topics", "create")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.text.splitlines() == [f"{name}: created" for name in names]
    with KafkaAdminClient(bootstrap_servers=kafka_broker.address) as admin:
        found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(list(names))}
    assert found == dict.fromkeys(names, 3)
    fortnight = str(14 * 86_400_000)
    for name in names[1:]:
        assert configuration(kafka_broker, name) == {"min.insync.replicas": "1", "retention.ms": fortnight}
    assert configuration(kafka_broker, names.events) == {"min.insync.replicas": "1"}


def test_what_exists_stays_as_it_is(names: Names, kafka_broker: Service, tokentrail: Tokentrail) -> None:
    with KafkaAdminClient(bootstrap_servers=kafka_broker.address) as admin:
        admin.create_topics({names.events: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    ran = tokentrail("topics", "create", "--json")
    assert ran.code == 0
    assert ran.records == [{"topic": name, "created": name != names.events} for name in names]
    with KafkaAdminClient(bootstrap_servers=kafka_broker.address) as admin:
        (topic,) = admin.describe_topics([names.events])
    assert len(topic["partitions"]) == 1
    assert {record["created"] for record in tokentrail("topics", "create", "--json").records} == {False}


def test_a_topic_that_forgets_alerts_too_soon_is_named(
    names: Names, kafka_broker: Service, tokentrail: Tokentrail
) -> None:
    day, ever = ({"configs": {"retention.ms": kept}} for kept in ("86400000", "-1"))
    with KafkaAdminClient(bootstrap_servers=kafka_broker.address) as admin:
        for name, settings in ((names.events, day), (names.alerts, day), (names.more, ever)):
            admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1, "configs": settings["configs"]}})
    ran = tokentrail("topics", "create")
    assert ran.code == 0
    # Events may go when they are read; what is kept for ever is kept long enough.
    assert ran.stderr == (
        f"{names.alerts} keeps records for 1 day, 0:00:00, less than [topics] alert_retention: raise its retention.ms\n"
    )


def test_a_refusal_says_what_to_check(names: Names, tokentrail: Tokentrail, tmp_path: Path) -> None:
    settings = tmp_path / "tokentrail.toml"
    settings.write_text(settings.read_text("utf-8").replace("partitions = 3", "replication_factor = 3"), "utf-8")
    ran = tokentrail("topics", "create")
    assert (ran.code, ran.text) == (1, "")
    last = ran.stderr.splitlines()[-1]
    assert "eplication factor" in last
    assert "check [kafka] in the settings" in last
    assert names.events not in ran.text
