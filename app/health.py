"""Health endpoint of a worker: `/healthz` (the process lives), `/readyz` (it leads and writes), `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from alerts.publisher import Publisher
from engines.status import Status
from schemas.errors import ConfigError
from store.workers import WorkerState

READY: Final = {WorkerState.RUNNING, WorkerState.STANDBY}


class StatusCollector(Collector):
    """A worker's status, and how its publishers do, as Prometheus metrics."""

    def __init__(self, status: Status, publishers: Sequence[Publisher[Any]]) -> None:
        self._status = status
        self._publishers = publishers

    def collect(self) -> Iterator[Metric]:
        """Read the status once a scrape."""
        status = self._status
        yield _counts("worker", "What the worker counted since its start.", ["what"], _single(status.counters))
        yield _counts("events", "Events that were judged.", ["type"], _single(status.events))
        yield _counts("dead_letters", "Records that could not be used.", ["reason"], _single(status.dead))
        yield _counts("alerts", "New alerts.", ["detector", "severity"], status.alerts.items())
        yield from self._sinks()
        yield from self._tables()
        yield from self._lake()
        yield GaugeMetricFamily("tokentrail_consumer_lag_records", "Records not yet fetched.", value=status.lag)
        yield from self._clocks()
        leads = GaugeMetricFamily("tokentrail_worker_state", "1 for the state the worker is in.", labels=["state"])
        for state in WorkerState:
            leads.add_metric([state.value], float(state is status.state))
        yield leads

    def _sinks(self) -> Iterator[Metric]:
        published = [((it.name,), it.published) for it in self._publishers]
        failures = [((it.name,), it.failures) for it in self._publishers]
        yield _counts("published", "Revisions that a sink has taken.", ["sink"], published)
        yield _counts("sink_failures", "Times that a sink or the store was away.", ["sink"], failures)

    def _tables(self) -> Iterator[Metric]:
        rows = GaugeMetricFamily("tokentrail_state_rows", "Rows of the state at the last checkpoint.", labels=["part"])
        for name, (live, _) in sorted(self._status.tables.items()):
            rows.add_metric([name], live)
        yield rows
        evicted = [((name,), evictions) for name, (_, evictions) in self._status.tables.items()]
        yield _counts("state_evictions", "Rows of the state that a quota pushed out.", ["part"], evicted)

    def _lake(self) -> Iterator[Metric]:
        size = self._status.lake
        if size is not None:
            yield GaugeMetricFamily("tokentrail_lake_rows", "Events in the lake.", value=size.rows)
            yield GaugeMetricFamily("tokentrail_lake_bytes", "Size of the lake's files.", value=size.octets)
            yield GaugeMetricFamily("tokentrail_lake_files", "Files of the lake.", value=size.files)

    def _clocks(self) -> Iterator[Metric]:
        status = self._status
        if status.watermark is not None and status.watermark >= 0:
            lag = time.time() - status.watermark / 1e6
            yield GaugeMetricFamily("tokentrail_event_time_lag_seconds", "Wall clock minus watermark.", value=lag)
        if status.checkpoint_at is not None:
            age = time.monotonic() - status.checkpoint_at
            yield GaugeMetricFamily("tokentrail_checkpoint_age_seconds", "Since the last checkpoint.", value=age)
            yield GaugeMetricFamily(
                "tokentrail_checkpoint_duration_seconds", "Of the last checkpoint.", value=status.checkpoint_seconds
            )


def _counts(name: str, meaning: str, labels: Sequence[str], counts: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    family = CounterMetricFamily(f"tokentrail_{name}", meaning, labels=labels)
    for values, count in sorted(counts):
        family.add_metric(values, count)
    return family


def _single(counts: Mapping[str, int]) -> list[tuple[tuple[str], int]]:
    # Copied, as the worker's thread goes on counting.
    return [((name,), count) for name, count in dict(counts).items()]


class _Handler(BaseHTTPRequestHandler):
    status: Status
    registry: CollectorRegistry

    def do_GET(self) -> None:
        """Answer one of the three paths."""
        match self.path.partition("?")[0]:
            case "/healthz":
                self._answer(200, "text/plain; charset=utf-8", b"ok\n")
            case "/readyz":
                ready = self.status.state in READY
                self._answer(
                    200 if ready else 503, "text/plain; charset=utf-8", f"{self.status.state.value}\n".encode()
                )
            case "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
            case _:
                self._answer(404, "text/plain; charset=utf-8", b"not found\n")

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: a scrape every few seconds is no news."""


def serve(status: Status, publishers: Sequence[Publisher[Any]], host: str, port: int) -> ThreadingHTTPServer:
    """Answer in a thread that ends with the process.

    Raises:
        ConfigError: the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(StatusCollector(status, publishers))
    handler = type("Handler", (_Handler,), {"status": status, "registry": registry})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} cannot be listened on: {error.strerror}",
            place="[worker] port",
            next_step="choose another port, or 0 for any free one",
        ) from error
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
