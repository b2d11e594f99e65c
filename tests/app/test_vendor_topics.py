"""A documented log of each vendor gives the same through a file and through a Kafka topic, told or found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from kafka import KafkaProducer

from ingest.vendors import ADAPTERS
from tests.app.conftest import Ran, Tokentrail
from tests.services.service import Service

FIXTURES = Path(__file__).parents[1] / "ingest" / "fixtures"


def records(vendor: str) -> list[bytes]:
    cases = json.loads((FIXTURES / f"{vendor}.json").read_bytes())
    broken = b'{"broken": '
    return [*(case["line"].encode() if "line" in case else orjson.dumps(case["record"]) for case in cases), broken]


def outcome(ran: Ran) -> tuple[int, str, list[bytes]]:
    return ran.code, ran.stderr.splitlines()[-1], sorted(ran.stdout.splitlines())


@pytest.mark.parametrize("vendor", ADAPTERS)
def test_a_log_gives_the_same_as_a_file_and_as_a_topic(
    vendor: str, tokentrail: Tokentrail, kafka_broker: Service, make_topic: Callable[[int], str], tmp_path: Path
) -> None:
    log, topic = tmp_path / "log", make_topic(1)
    log.write_bytes(b"\n".join(records(vendor)))
    with KafkaProducer(bootstrap_servers=kafka_broker.address) as producer:
        for record in records(vendor):
            producer.send(topic, record)

    told = outcome(tokentrail("replay", str(log), "--format", vendor, "--json"))
    found = outcome(tokentrail("replay", str(log), "--json"))
    sent = outcome(tokentrail("replay", f"kafka://{kafka_broker.address}/{topic}", "--format", vendor, "--json"))

    assert told == found == sent
    assert f"{len(records(vendor))} records read; 1 refused (1 not-json)" in told[1]
