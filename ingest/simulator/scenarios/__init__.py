"""The attacks by name."""

from __future__ import annotations

from typing import Final

from ingest.simulator.scenarios.case import Attack
from ingest.simulator.scenarios.guessing import GUESSING
from ingest.simulator.scenarios.spikes import SPIKES
from ingest.simulator.scenarios.theft import THEFT
from ingest.simulator.scenarios.travel import TRAVEL

ATTACKS: Final[dict[str, Attack]] = {attack.name: attack for attack in (*GUESSING, *THEFT, *TRAVEL, *SPIKES)}
