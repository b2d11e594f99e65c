"""The demonstration: the real worker and store on simulated traffic, and the dashboard beside it."""

from __future__ import annotations

import hashlib
import signal
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from app.settings import Settings, from_mapping, lake_path
from app.warm import settle, warm
from app.wiring import config_digest, event_lake, limits, new_pipeline, open_store
from dashboard.server import start
from engines.chunks import ChunkFolder
from engines.worker import Worker
from ingest.deadletters import DeadLetterFile
from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.simulator import Planned, Simulation, Traffic
from ingest.simulator.source import SimulatedSource

MINUTE: Final = 60_000_000
HISTORY: Final = 120 * MINUTE
"""Event time before the start of live traffic, µs."""
RATE: Final = 12.0
USERS: Final = 800

PLAN: Final = (
    ("refresh-theft", "victim-first", -115.0),
    ("impossible-travel", "residential", -115.0),
    ("brute-force", "success", -100.0),
    ("password-spray", "fast", -85.0),
    ("client-secret-guessing", "fast", -60.0),
    ("mfa-fatigue", "approved", -50.0),
    ("credential-stuffing", "fast", -30.0),
    ("stolen-access-token", "fast", -25.0),
    ("token-probing", "fast", -20.0),
    ("distributed-brute-force", "fast", -10.0),
    ("brute-force", "fast", 0.5),
    ("stolen-access-token", "distributed", 1.5),
    ("credential-stuffing", "success", 3.0),
    ("refresh-replay", "revoked", 5.0),
)
"""Scenario, variant, minutes from the start of live traffic."""


class Demonstration:
    """One demonstration.

    Args:
        folder: for store, state and dead letters.
        seed: of the traffic and, so that alerts repeat, of the hash key.
        begin: event time at which live traffic begins, µs.
    """

    def __init__(self, folder: str, seed: int, begin: int) -> None:
        root = Path(folder)
        self._settings = _settings(root)
        self._seed, self._begin = seed, begin
        self._decoder = Decoder(Secrets(hashlib.sha256(f"tokentrail demo {seed}".encode()).digest()))
        self._started = 0.0
        self._database = open_store(self._settings)
        self._worker = Worker(
            worker_id="demo",
            host="demo",
            database=self._database,
            folder=ChunkFolder(self._settings.store.state),
            new_pipeline=lambda: new_pipeline(self._settings),
            new_source=self._source,
            decoder=self._decoder,
            dead_letters=DeadLetterFile(root / "dead-letters.ndjson"),
            limits=limits(self._settings),
            config_digest=config_digest(self._settings),
            lake=event_lake(self._settings, self._database),
        )

    def warm(self) -> None:
        """Compile what is not compiled yet."""
        warm(self._decoder, self._worker.new_pipeline)
        settle()

    def run(self, port: int, *, open_browser: bool) -> None:
        """Serve the dashboard and work until SIGINT or SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._worker.stop())
        self._started = time.monotonic()
        chosen = self._settings
        dashboard = start(
            chosen.store.url,
            port=port,
            lake=lake_path(chosen),
            sla=chosen.triage.spans(),
            demo=True,
            open_browser=open_browser,
        )
        try:
            self._worker.run()
        finally:
            dashboard.terminate()
            dashboard.join()
            self._database.close()

    def _source(self, offsets: Mapping[int, int]) -> SimulatedSource:
        plan = [Planned(name, variant, self._begin + int(minute * MINUTE)) for name, variant, minute in PLAN]
        simulation = Simulation(self._seed, self._begin - HISTORY, plan, Traffic(rate=RATE, users=USERS))
        return SimulatedSource(simulation, self._now, offsets.get(0, 0))

    def _now(self) -> int:
        return self._begin + int((time.monotonic() - self._started) * 1e6)


def _settings(root: Path) -> Settings:
    state = root / "state"
    state.mkdir()
    return from_mapping(
        {
            "store": {"url": f"sqlite:///{root / 'demo.db'}", "state": state, "checkpoint_every": timedelta(seconds=5)},
            "source": {"lateness": timedelta(seconds=2)},
            "lake": {"path": root / "lake"},
        },
        "demo",
    )
