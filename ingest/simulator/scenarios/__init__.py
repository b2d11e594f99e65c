"""The attacks by name, and the suites that they form."""

from __future__ import annotations

from typing import Final

from ingest.simulator.scenarios.afterlife import AFTERLIFE
from ingest.simulator.scenarios.case import Attack
from ingest.simulator.scenarios.forgery import FORGERY
from ingest.simulator.scenarios.grants import GRANTS
from ingest.simulator.scenarios.guessing import GUESSING
from ingest.simulator.scenarios.holders import HOLDERS
from ingest.simulator.scenarios.minting import MINTING
from ingest.simulator.scenarios.posture import POSTURE
from ingest.simulator.scenarios.spikes import SPIKES
from ingest.simulator.scenarios.tampering import TAMPERING
from ingest.simulator.scenarios.theft import THEFT
from ingest.simulator.scenarios.travel import TRAVEL

DEFAULT_SUITE: Final = "headline"
_SUITES: Final = {
    DEFAULT_SUITE: (*GUESSING, *THEFT, *TRAVEL, *SPIKES),
    "lifecycle": (*HOLDERS, *AFTERLIFE),
    "policy": (*FORGERY, *POSTURE, *TAMPERING),
    "grants": (*GRANTS, *MINTING),
}
ATTACKS: Final[dict[str, Attack]] = {attack.name: attack for suite in _SUITES.values() for attack in suite}
SUITES: Final[dict[str, tuple[str, ...]]] = {
    suite: tuple(sorted(attack.name for attack in attacks)) for suite, attacks in _SUITES.items()
}
"""Names of attacks that are planned together. The order matters: times are dealt out by it."""
