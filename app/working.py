"""A worker process: the worker in this thread, its health endpoint and the publishers of its sinks beside it."""

from __future__ import annotations

import logging
import signal
from threading import Event, Thread
from types import FrameType
from typing import Any, Final

from alerts.publisher import Publisher
from app import health
from app.settings import Settings
from app.warm import settle, warm
from app.wiring import new_worker, open_store, publishers, secrets
from engines.worker import Worker

LOG: Final = logging.getLogger(__name__)

LEADING_CHECK_SECONDS: Final = 0.2
LAST_WORDS_SECONDS: Final = 10.0
"""How long publishers may take to bring out what is stored when the worker leaves."""


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
    followers = publishers(settings, database)
    endpoint = health.serve(worker.status, followers, settings.worker.host, settings.worker.port)
    LOG.info("health on http://%s:%d", settings.worker.host, endpoint.server_address[1])
    warm(worker.decoder, worker.new_pipeline)
    settle()
    ended, failed = Event(), list[BaseException]()
    publishing = [
        Thread(target=_publish, args=(publisher, worker, ended, failed), name="publisher", daemon=True)
        for publisher in followers
    ]
    try:
        for thread in publishing:
            thread.start()
        worker.run()
    finally:
        ended.set()
        for thread in publishing:
            thread.join(LAST_WORDS_SECONDS)
        endpoint.shutdown()
        database.close()
    if failed:
        raise failed[0]


def _publish(publisher: Publisher[Any], worker: Worker, ended: Event, failed: list[BaseException]) -> None:
    """Publish while this worker leads: a standby would say everything twice.

    What nobody foresaw ends the worker: it would go on to find alerts that nobody gets.
    """
    while worker.status.epoch is None:
        if ended.wait(LEADING_CHECK_SECONDS):
            return
    try:
        publisher.run(ended)
    except BaseException as error:  # noqa: BLE001 - raised again where the process ends
        failed.append(error)
        worker.stop()
