"""All detectors, one line each. Config, docs, laws and the dashboard's catalogue read this."""

from __future__ import annotations

from typing import Final

from detectors.base import Detector
from detectors.geography.impossible_geography import ImpossibleGeography

_ALL: Final[tuple[type[Detector], ...]] = (ImpossibleGeography,)

DETECTORS: Final[dict[str, type[Detector]]] = {detector.type: detector for detector in _ALL}
"""Detector type → class."""
