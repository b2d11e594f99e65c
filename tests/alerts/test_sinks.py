"""One contract for every place alerts are published to: at least once, in order, nothing but the record."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import orjson
import pytest
from jsonschema import Draft202012Validator
from kafka import KafkaAdminClient

from alerts.formats import FORMATS, NATIVE
from alerts.publisher import BATCH, Publisher
from alerts.record import record_of
from alerts.sinks import Sink, SinkError
from alerts.sinks.file import FileSink
from alerts.sinks.kafka import KafkaSink, alert_message, state_message
from alerts.sinks.syslog import Header, SyslogSink
from schemas.alerts import MAX_ALERT_BYTES, Alert
from schemas.export import documents
from schemas.revisions import Revision, StoredRevision
from schemas.triage import Role, StoredState, Verdict
from store.access import Actor
from store.engine import Database
from store.lease import Lease
from store.outbox import Outbox, StateOutbox
from store.queries import Queries
from store.triage import Begin, Resolve, Triage, targets
from store.writer import AlertWriter
from tests.alerts.syslog_receiver import Receiver
from tests.dashboard.alert_samples import hostile, sample
from tests.services.service import Service

ALERTS = 40
Record = dict[str, Any]


class Place(Protocol):
    """Where a sink writes, seen from a reader's side."""

    def open(self) -> Sink[StoredRevision]:
        """A new sink on it, as after a restart."""

    def records(self) -> list[bytes]:
        """What a reader finds, in its order."""

    def refuse(self) -> None:
        """Take nothing from now on."""

    def accept(self) -> None:
        """Take everything again."""


class FilePlace:
    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.path = folder / "alerts" / "alerts.ndjson"
        self._patch = patch

    def open(self) -> FileSink:
        return FileSink(self.path)

    def records(self) -> list[bytes]:
        return self.path.read_bytes().splitlines()

    def refuse(self) -> None:
        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        self._patch.setattr("alerts.sinks.file.os.fsync", full)

    def accept(self) -> None:
        self._patch.undo()


class TopicPlace:
    """A topic read by kcat, a client that is not ours."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self.topic = topic
        self.client = {"bootstrap_servers": bootstrap}

    def open(self) -> KafkaSink[StoredRevision]:
        return KafkaSink(self.topic, self.client, partial(alert_message, NATIVE))

    def read(self, form: str) -> list[bytes]:
        """One line a record, from the earliest, as kcat's format string says."""
        command = ["kcat", "-C", "-q", "-e", "-b", self._bootstrap, "-t", self.topic, "-o", "beginning", "-f"]
        return subprocess.run([*command, f"{form}\n"], capture_output=True, check=True).stdout.splitlines()

    def records(self) -> list[bytes]:
        return self.read("%s")

    def refuse(self) -> None:
        with KafkaAdminClient(bootstrap_servers=self._bootstrap) as admin:
            admin.delete_topics([self.topic])

    def accept(self) -> None:
        with KafkaAdminClient(bootstrap_servers=self._bootstrap) as admin:
            admin.create_topics({self.topic: {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)


class SyslogPlace:
    """A receiver that reads as RFC 5424 and RFC 6587 say."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def open(self) -> SyslogSink:
        header = Header("authpriv", "worker-1", "tokentrail")
        return SyslogSink(("127.0.0.1", self._receiver.port), header, NATIVE)

    def records(self) -> list[bytes]:
        return [message.record for message in self._receiver.messages]

    def refuse(self) -> None:
        self._receiver.stop()

    def accept(self) -> None:
        self._receiver.start()


@pytest.fixture
def topic(kafka_broker: Service, make_topic: Callable[[int], str]) -> TopicPlace:
    return TopicPlace(kafka_broker.address, make_topic(3))


@pytest.fixture(params=["file", "kafka", "syslog"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "kafka":
        yield request.getfixturevalue("topic")
        return
    if request.param == "syslog":
        with Receiver() as receiver:
            yield SyslogPlace(receiver)
        return
    with pytest.MonkeyPatch.context() as patch:
        yield FilePlace(tmp_path, patch)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    """An outbox in which the revisions of many alerts are interleaved."""
    store(database, [sample(number, revision=revision) for revision in (1, 2, 3) for number in range(ALERTS)])
    return Outbox(database)


def store(database: Database, alerts: Sequence[Alert]) -> None:
    lease = Lease(database, "worker", timedelta(minutes=1))
    epoch = lease.acquire()
    assert epoch is not None
    AlertWriter(database).commit_revisions([Revision(alert) for alert in alerts], epoch)
    lease.release(epoch)


def publish(feed: Outbox, sink: Sink[StoredRevision]) -> None:
    """Publish everything there is, and close the sink."""
    ended = Event()
    ended.set()
    try:
        Publisher("sink", feed, sink).run(ended)
    finally:
        sink.close()


def written(place: Place) -> list[Record]:
    return [orjson.loads(line) for line in place.records()]


def by_alert(records: Sequence[Record]) -> dict[str, list[int]]:
    """Alert id → revisions in the order of reading."""
    found: dict[str, list[int]] = {}
    for record in records:
        found.setdefault(record["alert_id"], []).append(record["revision"])
    return found


def test_the_revisions_of_an_alert_come_in_order_and_once(place: Place, outbox: Outbox) -> None:
    publish(outbox, place.open())
    found = by_alert(written(place))
    assert len(found) == ALERTS
    assert all(revisions == [1, 2, 3] for revisions in found.values())


def test_what_is_published_is_the_record_of_the_contract(place: Place, outbox: Outbox) -> None:
    publish(outbox, place.open())
    contract = Draft202012Validator(documents()["token-alert.v1.json"])
    assert sorted(place.records()) == sorted(record_of(revision) for revision in outbox.after(0, 1_000))
    for record in written(place):
        assert list(record)[:2] == ["time", "detected_at"]
        assert list(contract.iter_errors(record)) == []


class CrashError(Exception):
    """The process dies."""


class ForgetfulOutbox(Outbox):
    """Dies between what the sink has taken and the cursor that says so."""

    def advance(self, publisher: str, cursor: int) -> None:
        raise CrashError(publisher, cursor)


def test_a_crash_before_the_cursor_moves_doubles_and_loses_nothing(
    place: Place, database: Database, outbox: Outbox
) -> None:
    for _ in range(2):
        with pytest.raises(CrashError):
            publish(ForgetfulOutbox(database), place.open())
    publish(outbox, place.open())
    found = by_alert(written(place))
    # The same batch three times over: a reader who keeps the highest revision of an id never goes back in the end.
    assert all(revisions == [1, 2, 3] * 3 for revisions in found.values())
    assert len(found) == ALERTS
    assert len(set(place.records())) == 3 * ALERTS


def test_what_a_sink_refuses_comes_again_when_it_is_back(place: Place, outbox: Outbox) -> None:
    sink = place.open()
    publisher = Publisher("sink", outbox, sink)
    place.refuse()
    for _ in range(2):
        with pytest.raises(SinkError):
            publisher.step()
    assert outbox.cursor("sink") == 0
    place.accept()
    assert publisher.step() == 3 * ALERTS
    assert publisher.step() == 0
    sink.close()
    found = by_alert(written(place))
    assert len(found) == ALERTS
    assert all(revisions[-3:] == [1, 2, 3] for revisions in found.values())


def test_a_restart_goes_on_where_the_cursor_is(place: Place, database: Database, outbox: Outbox) -> None:
    publish(outbox, place.open())
    store(database, [sample(number, revision=4) for number in range(5)])
    publish(outbox, place.open())
    assert sorted(map(len, by_alert(written(place)).values())) == [3] * (ALERTS - 5) + [4] * 5


def test_another_name_starts_at_the_first_alert(place: Place, outbox: Outbox) -> None:
    publish(outbox, place.open())
    sink = place.open()
    assert Publisher("another", outbox, sink).step() == 3 * ALERTS
    sink.close()
    assert all(revisions == [1, 2, 3, 1, 2, 3] for revisions in by_alert(written(place)).values())


def test_more_than_one_batch_keeps_the_order(place: Place, database: Database) -> None:
    store(database, [sample(number, revision=r) for r in (1, 2) for number in range(BATCH // 2 + 20)])
    publish(Outbox(database), place.open())
    assert all(revisions == [1, 2] for revisions in by_alert(written(place)).values())
    assert len(place.records()) == BATCH + 40


def test_hostile_strings_stay_one_record_that_every_consumer_takes(place: Place, database: Database) -> None:
    store(database, [hostile(number) for number in range(4)])
    publish(Outbox(database), place.open())
    assert len(place.records()) == 4
    for line, record in zip(place.records(), written(place), strict=True):
        assert len(line) <= MAX_ALERT_BYTES
        assert record["truncated"] is True
        assert record["evidence"]["truncated"] is True
        assert next(iter(record)) == "time"
        assert record["alert_id"] in {sample(number).alert_id for number in range(4)}


def test_a_line_that_a_crash_cut_in_half_spoils_no_other(tmp_path: Path, outbox: Outbox) -> None:
    with pytest.MonkeyPatch.context() as patch:
        place = FilePlace(tmp_path, patch)
        publish(outbox, place.open())
        whole = place.path.read_bytes()
        place.path.write_bytes(whole[:-100])
        sink = place.open()
        sink.write(outbox.after(0, 1))
        sink.close()
        lines = place.records()
    assert len(lines) == 3 * ALERTS + 1
    assert lines[-1] == record_of(outbox.after(0, 1)[0])
    assert lines[:-2] == whole.splitlines()[:-1]


def test_the_topic_has_keys_and_headers_and_no_tombstone(topic: TopicPlace, outbox: Outbox) -> None:
    publish(outbox, topic.open())
    lines = topic.read("%k\t%S\t%h\t%s")
    assert len(lines) == 3 * ALERTS
    for line in lines:
        key, size, headers, value = line.split(b"\t", 3)
        record = orjson.loads(value)
        assert key.decode() == record["alert_id"]
        assert int(size) == len(value) > 0
        facts = dict(part.split("=", 1) for part in headers.decode().split(","))
        assert facts == {
            "content-type": "application/json",
            "schema": "token-alert.v1",
            **{name: str(record[name]) for name in ("alert_id", "severity", "detector", "revision")},
        }


@pytest.mark.parametrize("name", ["ocsf", "cef"])
def test_other_formats_come_over_the_topic_whole_and_in_order(name: str, topic: TopicPlace, outbox: Outbox) -> None:
    form = FORMATS[name]
    publish(outbox, KafkaSink(topic.topic, topic.client, partial(alert_message, form)))
    expected = [(revision.alert_id, form.record(revision)) for revision in outbox.after(0, 1_000)]
    lines = [line.split(b"\t", 2) for line in topic.read("%k\t%h\t%s")]
    assert len(lines) == 3 * ALERTS
    for alert_id in {alert_id for alert_id, _ in expected}:
        read = [record for key, _, record in lines if key.decode() == alert_id]
        assert read == [record for key, record in expected if key == alert_id]
    for _, headers, _ in lines:
        assert f"schema={form.schema}" in headers.decode().split(",")


def test_states_are_keyed_by_alert_and_follow_their_contract(
    topic: TopicPlace, kafka_broker: Service, database: Database
) -> None:
    store(database, [sample(number) for number in (1, 2)])
    ids = [sample(number).alert_id for number in (1, 2)]
    ana = Actor("ana", Role.ANALYST)
    for action in (Begin(), Resolve(Verdict.FALSE_POSITIVE, "ü" * 4_000)):
        rows = Queries(database).rows(ids)
        Triage(database).act(ana, targets([rows[id_] for id_ in ids]), action)
    ended = Event()
    ended.set()
    client = {"bootstrap_servers": kafka_broker.address}
    sink: KafkaSink[StoredState] = KafkaSink(topic.topic, client, state_message)
    Publisher("states", StateOutbox(database), sink).run(ended)
    contract = Draft202012Validator(documents()["token-alert-state.v1.json"])
    found: dict[str, list[Record]] = {}
    for line in topic.read("%k\t%h\t%s"):
        key, headers, value = line.split(b"\t", 2)
        record = orjson.loads(value)
        contract.validate(record)
        assert len(value) < MAX_ALERT_BYTES
        assert f"schema=token-alert-state.v1,alert_id={key.decode()},status={record['status']}" in headers.decode()
        found.setdefault(key.decode(), []).append(record)
    assert set(found) == set(ids)
    for records in found.values():
        assert [(r["version"], r["status"], r.get("verdict"), r["owner"]) for r in records] == [
            (1, "in_progress", None, "ana"),
            (2, "resolved", "false_positive", "ana"),
        ]
