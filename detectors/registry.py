"""All detectors, one line each. Config, docs, laws and the dashboard's catalogue read this."""

from __future__ import annotations

from typing import Final

from detectors.authentication.failed_auth_burst import FailedAuthBurst
from detectors.base import Detector
from detectors.behaviour.new_context import NewContext
from detectors.behaviour.silent_source import SilentSource
from detectors.geography.impossible_geography import ImpossibleGeography
from detectors.keys.key_compromised import KeyCompromised
from detectors.keys.key_new_operation import KeyNewOperation
from detectors.keys.key_new_principal import KeyNewPrincipal
from detectors.keys.key_not_yet_valid import KeyNotYetValid
from detectors.keys.key_overdue import KeyOverdue
from detectors.keys.key_retired import KeyRetired
from detectors.keys.key_tampering import KeyTampering
from detectors.keys.key_unknown import KeyUnknown
from detectors.keys.mint_mismatch import MintMismatch
from detectors.lifecycle.active_set import ActiveSet
from detectors.lifecycle.client_mismatch import ClientMismatch
from detectors.lifecycle.creation_rate import CreationRate
from detectors.lifecycle.device_code_phishing import DeviceCodePhishing
from detectors.lifecycle.holder_change import HolderChange
from detectors.lifecycle.issuer_audience_mismatch import IssuerAudienceMismatch
from detectors.lifecycle.long_lived_token import LongLivedToken
from detectors.lifecycle.never_issued_use import NeverIssuedUse
from detectors.lifecycle.refresh_cadence import RefreshCadence
from detectors.lifecycle.scope_escalation import ScopeEscalation
from detectors.lifecycle.shared_token import SharedToken
from detectors.lifecycle.token_leaked import TokenLeaked
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
    NeverIssuedUse,
    RefreshCadence,
    UseAfterRevoke,
    TokenLeaked,
    ScopeEscalation,
    LongLivedToken,
    SharedToken,
    ActiveSet,
    DeviceCodePhishing,
    IssuerAudienceMismatch,
    CreationRate,
    TokenInUrl,
    CleartextTransport,
    WeakAlgorithm,
    HeaderInjection,
    TokenTypeConfusion,
    UnencryptedSensitive,
    UnsignedJwe,
    FormatPolicy,
    KeyTampering,
    KeyNewPrincipal,
    KeyNewOperation,
    KeyUnknown,
    KeyRetired,
    KeyCompromised,
    KeyNotYetValid,
    KeyOverdue,
    MintMismatch,
    NewContext,
    SilentSource,
)

DETECTORS: Final[dict[str, type[Detector]]] = {detector.type: detector for detector in _ALL}
"""Detector type → class."""
