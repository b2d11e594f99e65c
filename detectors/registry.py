"""All detectors, one line each. Config, docs, laws and the dashboard's catalogue read this."""

from __future__ import annotations

from typing import Final

from detectors.authentication.failed_auth_burst import FailedAuthBurst
from detectors.base import Detector
from detectors.behaviour.new_context import NewContext
from detectors.geography.impossible_geography import ImpossibleGeography
from detectors.keys.key_tampering import KeyTampering
from detectors.lifecycle.client_mismatch import ClientMismatch
from detectors.lifecycle.holder_change import HolderChange
from detectors.lifecycle.use_after_expiry import UseAfterExpiry
from detectors.lifecycle.use_after_revoke import UseAfterRevoke
from detectors.policy.cleartext_transport import CleartextTransport
from detectors.policy.format_policy import FormatPolicy
from detectors.policy.header_injection import HeaderInjection
from detectors.policy.token_in_url import TokenInUrl
from detectors.policy.token_type_confusion import TokenTypeConfusion
from detectors.policy.unencrypted_sensitive import UnencryptedSensitive
from detectors.policy.unsigned_jwe import UnsignedJwe
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
    TokenInUrl,
    CleartextTransport,
    WeakAlgorithm,
    HeaderInjection,
    TokenTypeConfusion,
    UnencryptedSensitive,
    UnsignedJwe,
    FormatPolicy,
    KeyTampering,
    UseAfterRevoke,
    NewContext,
)

DETECTORS: Final[dict[str, type[Detector]]] = {detector.type: detector for detector in _ALL}
"""Detector type → class."""
