"""Alerts over syslog to a real receiver that goes away, dies amid a batch, is a wrong one or never closes."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import orjson
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from alerts.formats import FORMATS, NATIVE, Format
from alerts.publisher import Publisher
from alerts.record import record_of
from alerts.sinks import SinkError
from alerts.sinks.file import FileSink
from alerts.sinks.syslog import FACILITIES, Header, SyslogSink
from schemas.alerts import SeverityName
from store.outbox import Outbox
from tests.alerts.siem import stored
from tests.alerts.syslog_receiver import Receiver, parsed
from tests.alerts.test_sinks import ALERTS, by_alert, outbox
from tests.dashboard.alert_samples import hostile, sample

__all__ = ["outbox"]  # a fixture

HEADER = Header("authpriv", "worker-1", "tokentrail")


def sink(
    receiver: Receiver, form: Format = NATIVE, *, tls: ssl.SSLContext | None = None, wait: bool = True
) -> SyslogSink:
    return SyslogSink(("127.0.0.1", receiver.port), HEADER, form, tls=tls, wait=wait)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
def test_every_alert_comes_once_and_in_order(secure: bool, outbox: Outbox, authority: trustme.CA) -> None:
    with Receiver(certified(authority) if secure else None) as receiver:
        tls = trusting(authority) if secure else None
        publisher = Publisher("syslog", outbox, sink(receiver, tls=tls))
        assert publisher.step() == 3 * ALERTS
        assert publisher.step() == 0
    assert [it.record for it in receiver.messages] == [record_of(it) for it in outbox.after(0, 1_000)]


def test_without_waiting_a_living_receiver_gets_everything(receiver: Receiver, outbox: Outbox) -> None:
    sink(receiver, wait=False).write(outbox.after(0, 1_000))
    while len(receiver.frames) < 3 * ALERTS:
        time.sleep(0.01)
    assert [it.record for it in receiver.messages] == [record_of(it) for it in outbox.after(0, 1_000)]


def test_the_header_says_who_what_and_when(receiver: Receiver) -> None:
    severities: tuple[SeverityName, ...] = ("informational", "low", "medium", "high", "critical")
    sink(receiver).write([stored(sample(0, severity=severity)) for severity in severities])
    receiver.stop()
    assert [it.severity for it in receiver.messages] == [6, 5, 4, 3, 2]
    first = receiver.messages[0]
    assert (first.facility, first.host, first.app, first.id) == (10, "worker-1", "tokentrail", "refresh-reuse")
    assert first.time == orjson.loads(first.record)["time"]


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_comes_as_it_is(name: str, receiver: Receiver) -> None:
    revisions = [stored(sample(0)), stored(hostile(1))]
    sink(receiver, FORMATS[name]).write(revisions)
    receiver.stop()
    assert [it.record for it in receiver.messages] == [FORMATS[name].record(it) for it in revisions]


@given(st.text(), st.text(), st.sampled_from(FACILITIES))
def test_no_name_breaks_a_header(host: str, app: str, facility: str) -> None:
    read = parsed(Header(facility, host, app).message(stored(sample(0)), b"{}"))
    assert (FACILITIES[read.facility], read.record) == (facility, b"{}")
    assert read.host == (re.sub(r"[^\x21-\x7e]", "_", host)[:255] or "-")


def test_a_receiver_that_dies_amid_a_batch_gets_it_again(receiver: Receiver, outbox: Outbox) -> None:
    publisher = Publisher("syslog", outbox, sink(receiver))
    for read in (0, 1, 50, 3 * ALERTS - 1):
        receiver.dies_after = read
        with pytest.raises(SinkError, match=f"syslog 127.0.0.1:{receiver.port}: "):
            publisher.step()
        assert outbox.cursor("syslog") == 0
    receiver.dies_after = None
    assert publisher.step() == 3 * ALERTS
    receiver.stop()
    found = by_alert([orjson.loads(it.record) for it in receiver.messages])
    assert len(found) == ALERTS
    assert all(revisions[-3:] == [1, 2, 3] for revisions in found.values())


def test_an_outage_delays_this_sink_only_and_loses_nothing(tmp_path: Path, outbox: Outbox) -> None:
    receiver, stop = Receiver(), Event()
    away = Publisher("syslog", outbox, sink(receiver))
    thread = Thread(target=away.run, args=(stop,))
    thread.start()
    file = FileSink(tmp_path / "alerts")
    Publisher("file", outbox, file).step()
    file.close()
    assert len((tmp_path / "alerts").read_bytes().splitlines()) == 3 * ALERTS
    assert receiver.frames == []
    while not away.failures:
        stop.wait(0.01)
    with receiver:
        while away.published < 3 * ALERTS:
            stop.wait(0.01)
        stop.set()
        thread.join()
    assert [it.record for it in receiver.messages] == [record_of(it) for it in outbox.after(0, 1_000)]


def test_tries_become_rarer_until_it_answers(outbox: Outbox) -> None:
    receiver = Receiver()
    syslog = sink(receiver)

    def refused() -> float:
        with pytest.raises(SinkError) as error:
            syslog.write(outbox.after(0, 1))
        assert error.value.wait is not None
        return error.value.wait

    for bound in (1, 2, 4, 8, 16, 30, 30):
        assert bound / 2 <= refused() <= bound
    with receiver:
        syslog.write(outbox.after(0, 1))
    assert refused() <= 1


@pytest.mark.parametrize("fault", ["authority", "name", "plain"])
def test_nothing_is_told_to_a_receiver_that_is_not_the_right_one(fault: str, authority: trustme.CA) -> None:
    wrong = {"authority": certified(trustme.CA()), "name": certified(authority, "siem.example"), "plain": None}
    with Receiver(wrong[fault]) as receiver:
        # What is no syslog ends the connection.
        receiver.dies_after = 0 if fault == "plain" else None
        with pytest.raises(SinkError):
            sink(receiver, tls=trusting(authority)).write([stored(sample(0))])
    assert receiver.frames == []


def test_a_receiver_that_wants_a_certificate_gets_ours_or_nothing(authority: trustme.CA) -> None:
    wanting = certified(authority)
    wanting.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(wanting)
    with Receiver(wanting) as receiver:
        ours = trusting(authority)
        with pytest.raises(SinkError):
            sink(receiver, tls=ours).write([stored(sample(0))])
        authority.issue_cert("worker.example").configure_cert(ours)
        sink(receiver, tls=ours).write([stored(sample(0))])
    assert len(receiver.messages) == 1


def test_a_receiver_that_keeps_its_half_open_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.sinks.syslog.TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with pytest.raises(SinkError, match="wait_for_close"):
            SyslogSink(address, HEADER, NATIVE).write([stored(sample(0))])
        SyslogSink(address, HEADER, NATIVE, wait=False).write([stored(sample(0))])
