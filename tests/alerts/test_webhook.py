"""Alerts posted to a real HTTP server that is away, overloaded, choosy or hostile."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from alerts.formats import FORMATS, NATIVE, Format
from alerts.publisher import Publisher
from alerts.record import record_of
from alerts.sinks import SinkError
from alerts.sinks.webhook import Target, WebhookSink
from app.settings import WebhookSinkSettings, from_mapping
from schemas.errors import ConfigError
from schemas.fields import format_time
from store.outbox import Outbox
from tests.alerts.siem import stored
from tests.alerts.test_sinks import ALERTS, outbox
from tests.alerts.webhook_server import Server
from tests.dashboard.alert_samples import hostile, sample

__all__ = ["outbox"]  # a fixture

KEY = b"k" * 32


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    return tmp_path / "webhook" / "refused.ndjson"


def test_batches_of_lines_come_once_and_in_order(server: Server, outbox: Outbox, refused: Path) -> None:
    sink = WebhookSink(Target(server.url, batch=50), NATIVE, refused)
    assert Publisher("webhook", outbox, sink).step() == 3 * ALERTS
    sink.close()
    assert [len(request.body.splitlines()) for request in server.taken] == [50, 50, 20]
    assert server.records == [record_of(it) for it in outbox.after(0, 1_000)]
    assert server.taken[0].headers["content-type"] == "application/x-ndjson"
    assert not refused.exists()


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("native", "array", "application/json"),
        ("ocsf", "array", "application/json"),
        ("ocsf", "lines", "application/x-ndjson"),
        ("cef", "lines", "text/plain; charset=utf-8"),
    ],
)
def test_formats_and_bodies(name: str, body: str, kind: str, server: Server, refused: Path) -> None:
    form: Format = FORMATS[name]
    revisions = [stored(sample(0)), stored(hostile(1))]
    WebhookSink(Target(server.url, body), form, refused).write(revisions)  # type: ignore[arg-type]
    (request,) = server.taken
    records = [form.record(it) or b"" for it in revisions]
    assert request.headers["content-type"] == kind
    if body == "array":
        assert orjson.loads(request.body) == [orjson.loads(record) for record in records]
    else:
        assert request.body.splitlines() == records


def test_the_signature_is_that_of_standard_webhooks(server: Server, refused: Path) -> None:
    target = Target(server.url, secret=KEY, authorization="Bearer t0ken")
    WebhookSink(target, NATIVE, refused).write([stored(sample(0))])
    headers, body = server.taken[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["authorization"] == "Bearer t0ken"


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 408, 429, 500, 503])
def test_what_may_pass_is_tried_again(status: int, server: Server, outbox: Outbox, refused: Path) -> None:
    publisher = Publisher("webhook", outbox, WebhookSink(Target(server.url), NATIVE, refused))
    server.status, server.headers = status, {"location": f"{server.url}/elsewhere"}
    with pytest.raises(SinkError, match=f"HTTP {status} ") as error:
        publisher.step()
    assert str(error.value).isprintable()
    assert "secret-path" not in str(error.value)
    assert server.tries == 1
    assert outbox.cursor("webhook") == 0
    server.status = 200
    assert publisher.step() == 3 * ALERTS
    assert server.records == [record_of(it) for it in outbox.after(0, 1_000)]
    assert not refused.exists()


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [("7", 7, 7), ("999999999999", 3_600, 3_600), ("soon", 0.5, 1), ("-5", 0.5, 1), (format_time(0), 0.5, 1)],
)
def test_the_server_may_ask_for_time(
    retry_after: str, least: float, most: float, server: Server, refused: Path
) -> None:
    server.status, server.headers = 429, {"retry-after": retry_after}
    with pytest.raises(SinkError) as error:
        WebhookSink(Target(server.url), NATIVE, refused).write([stored(sample(0))])
    assert error.value.wait is not None
    assert least <= error.value.wait <= most


def test_only_what_is_refused_for_good_goes_to_the_file(server: Server, outbox: Outbox, refused: Path) -> None:
    unwanted = {sample(number).alert_id for number in (3, 4, 30)}
    publisher = Publisher("webhook", outbox, WebhookSink(Target(server.url), NATIVE, refused))
    for alert_id in sorted(unwanted):
        server.unwanted = f'"alert_id":"{alert_id}"'.encode()
        Publisher(alert_id, outbox, WebhookSink(Target(server.url), NATIVE, refused)).step()
        rest = [it for it in outbox.after(0, 1_000) if it.alert_id != alert_id]
        assert server.records[-len(rest) :] == [record_of(it) for it in rest]
    letters = [orjson.loads(line) for line in refused.read_bytes().splitlines()]
    assert [orjson.loads(letter["record"])["revision"] for letter in letters] == [1, 2, 3] * 3
    assert {orjson.loads(letter["record"])["alert_id"] for letter in letters} == unwanted
    assert {letter["status"] for letter in letters} == {422}
    assert all("this one" in letter["reason"] and letter["reason"].isprintable() for letter in letters)
    server.unwanted = None
    assert publisher.step() == 3 * ALERTS


def test_what_is_refused_and_cannot_be_kept_comes_again(server: Server, tmp_path: Path) -> None:
    server.unwanted = b"alert_id"
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"Not a directory|File exists"):
        WebhookSink(Target(server.url), NATIVE, tmp_path / "file" / "refused").write([stored(sample(0))])


def test_a_server_that_is_away_or_no_https_gets_it_later(server: Server, refused: Path) -> None:
    for url in ("http://127.0.0.1:9/secret-path", server.url.replace("http:", "https:")):
        with pytest.raises(SinkError, match=r"^webhook https?://127\.0\.0\.1:\d+: [A-Za-z]+$"):
            WebhookSink(Target(url), NATIVE, refused).write([stored(sample(0))])


SINK = {"type": "webhook", "url": "https://siem.example/hook", "refused": "refused.ndjson"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": "http://siem.example/hook"}, "must be https"),
        ({"url": "https://user:pw@siem.example/"}, "without user and password"),
        ({"format": "cef", "body": "array"}, "needs a format of JSON"),
        ({"secret_variable": "A B"}, "secret_variable"),
        ({"batch": 501}, "batch"),
    ],
)
def test_settings_that_would_not_work_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping({"sinks": [SINK | given]}, "test")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "SECRET is not set"),
        ("short", "SECRET has fewer than 24 bytes"),
        ("whsec_!!!", "SECRET has no base64"),
        ("whsec_" + base64.b64encode(KEY).decode(), KEY),
        (KEY.decode(), KEY),
    ],
)
def test_the_secret_comes_from_the_environment(
    value: str | None, expected: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("SECRET", value)
    (sink,) = from_mapping({"sinks": [SINK | {"secret_variable": "SECRET"}]}, "test").sinks
    assert isinstance(sink, WebhookSinkSettings)
    if isinstance(expected, bytes):
        assert sink.target().secret == expected
        return
    with pytest.raises(ConfigError, match=expected) as error:
        sink.target()
    assert value is None or value not in str(error.value)
