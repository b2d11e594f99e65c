"""All detectors, one line each. Config, docs, laws and the dashboard's catalogue read this."""

from __future__ import annotations

from typing import Final

from detectors.authentication.failed_auth_burst import FailedAuthBurst
from detectors.base import Detector
from detectors.geography.impossible_geography import ImpossibleGeography
from detectors.keys.key_tampering import KeyTampering
from detectors.lifecycle.client_mismatch import ClientMismatch
from detectors.lifecycle.holder_change import HolderChange
from detectors.lifecycle.never_issued_use import NeverIssuedUse
from detectors.lifecycle.refresh_cadence import RefreshCadence
from detectors.lifecycle.use_after_expiry import UseAfterExpiry
from detectors.policy.cleartext_transport import CleartextTransport
from detectors.policy.header_injection import HeaderInjection
from detectors.policy.token_in_url import TokenInUrl
from detectors.policy.token_type_confusion import TokenTypeConfusion
from detectors.policy.weak_algorithm import WeakAlgorithm
from detectors.refresh.refresh_reuse import RefreshReuse
from detectors.usage.usage_spike import UsageSpike

_ALL: Final[tuple[type[Detector], ...]] = (
    FailedAuthBurst,
    ImpossibleGeography,
    RefreshReuse,
    UsageSpike,
    ClientMismatch,
    HolderChange,
    UseAfterExpiry,
    NeverIssuedUse,
    RefreshCadence,
    TokenInUrl,
    CleartextTransport,
    WeakAlgorithm,
    HeaderInjection,
    TokenTypeConfusion,
    KeyTampering,
)

DETECTORS: Final[dict[str, type[Detector]]] = {detector.type: detector for detector in _ALL}
"""Detector type → class."""
