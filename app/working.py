"""A worker process: the worker in this thread, its health endpoint and the publishers of its sinks beside it."""

from __future__ import annotations

import logging
import signal
from types import FrameType
from typing import Final

from app import health
from app.settings import Settings
from app.warm import warm
from app.wiring import new_pipeline, new_worker, open_store, secrets

LOG: Final = logging.getLogger(__name__)


def work(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT.

    Raises:
        ConfigError: no hash key in the environment, or a port is taken.
        SourceError: no broker answers, or the topic does not exist.
        LeadershipLostError: another worker took over.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("kafka", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    keys = secrets()
    database = open_store(settings)
    worker = new_worker(settings, keys, database)

    def stop(number: int, _frame: FrameType | None) -> None:
        LOG.info("%s: finishing what is begun", signal.Signals(number).name)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    endpoint = health.serve(worker.status, settings.worker.host, settings.worker.port)
    LOG.info("health on http://%s:%d", settings.worker.host, endpoint.server_address[1])
    warm(worker.decoder, new_pipeline(settings))
    try:
        worker.run()
    finally:
        endpoint.shutdown()
        database.close()
