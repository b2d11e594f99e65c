"""The shapes of attack that failed authentications are told apart by, and the limits that draw them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np


class Shape(StrEnum):
    """Shape of an attack; each is one or more alert classes."""

    BRUTE_FORCE = "brute-force"
    DISTRIBUTED_BRUTE_FORCE = "distributed-brute-force"
    PASSWORD_SPRAY = "password-spray"  # noqa: S105 - the name of an attack
    SLOW_SPRAY = "slow-spray"
    CREDENTIAL_STUFFING = "credential-stuffing"
    DISTRIBUTED_SPRAY = "distributed-spray"
    CLIENT_SECRET_GUESSING = "client-secret-guessing"  # noqa: S105 - the name of an attack
    MFA_FATIGUE = "mfa-fatigue"
    TOKEN_PROBING = "token-probing"  # noqa: S105 - the name of an attack
    SUCCESS_AFTER_FAILURES = "success-after-failures"
    SOURCE_BURST = "source-burst"


DEFAULT_SHAPES: Final = frozenset(Shape) - {Shape.SOURCE_BURST}
MAX_ACCOUNT_TRIES: Final = 128
"""Most tries held of one account, or of one account and source, in a window."""
MAX_SOURCE_TRIES: Final = 4_096
"""Most tries held of one source in a window; also how many accounts it may bring into memory within an hour."""
MAX_SUCCESSES: Final = 512
"""Most successes held of one source: a source with more is shared, whatever fails there."""
MAX_TENANT_TRIES: Final = 131_072
TENANT_SHARE: Final = 5
"""Most tries of one source, and of one account, that count towards a spray on the whole tenant in an hour."""

(
    SUCCESS_AFTER_FAILURES,
    BRUTE_FORCE,
    DISTRIBUTED_BRUTE_FORCE,
    PASSWORD_SPRAY,
    PASSWORD_SPRAY_NETWORK,
    SLOW_SPRAY,
    SLOW_SPRAY_NETWORK,
    SLOW_SPRAY_FINGERPRINT,
    CREDENTIAL_STUFFING,
    CREDENTIAL_STUFFING_NETWORK,
    DISTRIBUTED_SPRAY,
    CLIENT_SECRET_GUESSING,
    MFA_FATIGUE,
    TOKEN_PROBING,
    TOKEN_PROBING_NETWORK,
    KEY_ROTATION,
    STALE_CREDENTIAL,
    STALE_CLIENT_SECRET,
    SOURCE_BURST,
) = range(19)
"""Positions of the alert classes in `detectors.authentication.cards.CLASSES`.

Of equal severities the first gives an alert its class: that somebody got in says more than how it was tried.
"""

FINGERPRINT, TOKENS, COUNTRY, ASN, KEY, CLIENT, ISSUER, PERSON = (np.uint64(tag) for tag in range(1, 9))
"""Mixed into keys of different meaning that share a window."""


class Limits(NamedTuple):
    """The detector's parameters as kernels read them: counts, shares, and times in µs."""

    shapes: int
    brute_tries: int
    sustained_tries: int
    distributed_tries: int
    distributed_sources: int
    distributed_countries: int
    distributed_asns: int
    distributed_ips: int
    spray_accounts: int
    spray_tries: int
    spray_share: float
    stuffing_accounts: int
    stuffing_tries: int
    stuffing_share: float
    slow_accounts: int
    slow_share: float
    tenant_accounts: int
    tenant_sources: int
    tenant_tries: int
    tenant_ratio: float
    tenant_warm_up: int
    client_tries: int
    denials: int
    probes: int
    probe_spread: int
    rotation_sources: int
    steady_cv: float
    steady_interval: int
    shared_factor: int
    network_factor: int
    success_window: int
    source_burst: int


def mask(shapes: frozenset[Shape]) -> int:
    """Give the set of shapes as bits, in the order of `Shape`."""
    return sum(1 << bit for bit, shape in enumerate(Shape) if shape in shapes)


(
    SEEKS_BRUTE_FORCE,
    SEEKS_DISTRIBUTED_BRUTE_FORCE,
    SEEKS_PASSWORD_SPRAY,
    SEEKS_SLOW_SPRAY,
    SEEKS_STUFFING,
    SEEKS_DISTRIBUTED_SPRAY,
    SEEKS_CLIENT_SECRETS,
    SEEKS_FATIGUE,
    SEEKS_PROBING,
    SEEKS_SUCCESS,
    SEEKS_SOURCE_BURST,
) = (1 << bit for bit in range(11))
"""Bits of `Limits.shapes`."""
