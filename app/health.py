"""Health endpoint of a worker: `/healthz` (the process lives), `/readyz` (it leads and writes), `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from engines.status import Status
from schemas.errors import ConfigError
from store.workers import WorkerState

READY: Final = {WorkerState.RUNNING, WorkerState.STANDBY}


class StatusCollector(Collector):
    """A worker's status as Prometheus metrics."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Read the status once a scrape."""
        status = self._status
        counters = CounterMetricFamily("tokentrail_worker", "What the worker counted since its start.", labels=["what"])
        for name, value in sorted(status.counters.items()):
            counters.add_metric([name], value)
        yield counters
        dead = CounterMetricFamily("tokentrail_dead_letters", "Records that could not be used.", labels=["reason"])
        for name, value in sorted(status.dead.items()):
            dead.add_metric([name], value)
        yield dead
        yield GaugeMetricFamily("tokentrail_consumer_lag_records", "Records not yet fetched.", value=status.lag)
        if status.watermark is not None and status.watermark >= 0:
            lag = time.time() - status.watermark / 1e6
            yield GaugeMetricFamily("tokentrail_event_time_lag_seconds", "Wall clock minus watermark.", value=lag)
        if status.checkpoint_at is not None:
            age = time.monotonic() - status.checkpoint_at
            yield GaugeMetricFamily("tokentrail_checkpoint_age_seconds", "Since the last checkpoint.", value=age)
            yield GaugeMetricFamily(
                "tokentrail_checkpoint_duration_seconds", "Of the last checkpoint.", value=status.checkpoint_seconds
            )
        leads = GaugeMetricFamily("tokentrail_worker_state", "1 for the state the worker is in.", labels=["state"])
        for state in WorkerState:
            leads.add_metric([state.value], float(state is status.state))
        yield leads


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


def serve(status: Status, host: str, port: int) -> ThreadingHTTPServer:
    """Answer in a thread that ends with the process.

    Raises:
        ConfigError: the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(StatusCollector(status))
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
