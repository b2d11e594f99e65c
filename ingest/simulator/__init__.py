"""Labelled traffic: benign behaviour of people and machines, and attacks hidden in it."""

from __future__ import annotations

from ingest.simulator.delivery import IN_ORDER, Disorder
from ingest.simulator.labels import Label, LabelEntity
from ingest.simulator.plan import Planned, spread
from ingest.simulator.scenarios import ATTACKS, SUITES
from ingest.simulator.simulation import Simulation, Traffic
from ingest.simulator.writer import simulate, write

__all__ = [
    "ATTACKS",
    "IN_ORDER",
    "SUITES",
    "Disorder",
    "Label",
    "LabelEntity",
    "Planned",
    "Simulation",
    "Traffic",
    "simulate",
    "spread",
    "write",
]
