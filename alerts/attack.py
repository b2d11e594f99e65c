"""MITRE ATT&CK: the techniques that detectors name, and their tactics in kill-chain order.

Names and ids from the Enterprise matrix, version as below (attack.mitre.org). Only what is used is bundled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.alerts import Attack

VERSION: Final = "17.1"
TACTICS: Final = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""In the matrix's order, which incidents use as their kill chain."""

_VALID_ACCOUNTS: Final = ("initial-access", "persistence", "privilege-escalation", "defense-evasion")
TECHNIQUES: Final[dict[str, tuple[str, ...]]] = {
    "T1040": ("credential-access", "discovery"),
    "T1078": _VALID_ACCOUNTS,
    "T1078.004": _VALID_ACCOUNTS,
    "T1098": ("persistence", "privilege-escalation"),
    "T1110": ("credential-access",),
    "T1110.001": ("credential-access",),
    "T1110.003": ("credential-access",),
    "T1110.004": ("credential-access",),
    "T1485": ("impact",),
    "T1528": ("credential-access",),
    "T1539": ("credential-access",),
    "T1550.001": ("defense-evasion", "lateral-movement"),
    "T1552.004": ("credential-access",),
    "T1555.006": ("credential-access",),
    "T1562.008": ("defense-evasion",),
    "T1606": ("credential-access",),
    "T1621": ("credential-access",),
}


def attack_of(techniques: Iterable[str]) -> Attack:
    """Describe some techniques.

    Raises:
        KeyError: a technique is not in the bundled map.
    """
    named = list(techniques)
    return Attack(version=VERSION, techniques=named, tactics=in_order(t for name in named for t in TECHNIQUES[name]))


def in_order(tactics: Iterable[str]) -> list[str]:
    """Give distinct tactics in kill-chain order."""
    return sorted(set(tactics), key=TACTICS.index)
