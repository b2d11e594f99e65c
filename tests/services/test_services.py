"""The services that other tests stand on do what those tests need of them."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from playwright.sync_api import Browser
from sqlalchemy import create_engine, text

from tests.services import broker, chromium, database
from tests.services.service import Service, ServiceMissingError, ServiceNotOursError


def _produce(bootstrap: str, topic: str, value: bytes) -> None:
    with KafkaProducer(bootstrap_servers=bootstrap) as producer:
        producer.send(topic, value, key=b"k", headers=[("h", b"v")]).get(timeout=30)


def _consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    values: list[bytes | None] = []
    with KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        while len(values) < count:
            values += [record.value for record in consumer.poll(timeout_ms=1_000).get(partition, [])]
    return values


def test_a_record_goes_through_the_broker(kafka_broker: Service, make_topic: Callable[[int], str]) -> None:
    topic = make_topic(1)
    _produce(kafka_broker.address, topic, b"one")
    assert _consume(kafka_broker.address, topic, 1) == [b"one"]


@pytest.mark.parametrize("end", [Service.stop, Service.kill])
def test_the_broker_comes_back_with_its_records(
    end: Callable[[Service], None], kafka_broker: Service, make_topic: Callable[[int], str]
) -> None:
    topic = make_topic(1)
    _produce(kafka_broker.address, topic, b"before")
    end(kafka_broker)
    kafka_broker.start()
    _produce(kafka_broker.address, topic, b"after")
    assert _consume(kafka_broker.address, topic, 2) == [b"before", b"after"]


def _select_one(url: str) -> object:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar_one()
    finally:
        engine.dispose()


def test_a_database_answers_and_is_empty(postgres_url: str) -> None:
    assert _select_one(postgres_url) == 1
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        tables = connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar_one()
    engine.dispose()
    assert tables == 0


def test_each_database_is_its_own_and_is_dropped(postgres_server: Service) -> None:
    with (
        database.fresh_database(postgres_server.address) as one,
        database.fresh_database(postgres_server.address) as two,
    ):
        assert one != two
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(one.replace("+psycopg", ""))


@pytest.mark.parametrize("end", [Service.stop, Service.kill])
def test_the_database_comes_back(end: Callable[[Service], None], postgres_server: Service, postgres_url: str) -> None:
    end(postgres_server)
    postgres_server.start()
    assert _select_one(postgres_url) == 1


def test_the_browser_opens_a_page(browser: Browser) -> None:
    page = browser.new_page()
    page.goto("data:text/html,<h1>It is open</h1>")
    assert page.inner_text("h1") == "It is open"
    page.close()


def test_a_given_service_is_used_and_never_stopped(
    kafka_broker: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(broker.VARIABLE, kafka_broker.address)
    given = broker.kafka_service(tmp_path)
    given.start()
    with pytest.raises(ServiceNotOursError, match=broker.VARIABLE):
        given.stop()


def test_what_is_missing_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (broker.VARIABLE, database.VARIABLE, chromium.VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(broker, "docker_answers", lambda: False)
    monkeypatch.setattr(database, "docker_answers", lambda: False)
    monkeypatch.setattr(database, "find_programs", lambda: None)
    with pytest.raises(ServiceMissingError, match="apt install default-jre-headless maven"):
        broker.kafka_service(tmp_path)
    with pytest.raises(ServiceMissingError, match="apt install postgresql"):
        database.postgres_service(tmp_path)
    with pytest.raises(ServiceMissingError, match="apt install chromium"):
        chromium.chromium_path()
