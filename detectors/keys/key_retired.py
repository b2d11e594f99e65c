"""key-retired: a key works on after its time."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import HIGH, LIKELY, MEDIUM, report
from detectors.keys.callers import KEY, OTHERS
from detectors.keys.purposes import ELAPSED, ENCRYPTS, KINDS, NO_PURPOSE, OPENS, SIGNS, SP_800_57, elapsed, purposes
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity

ORIGINATED, RECEIVED = range(2)
"""Positions in `classes`."""
_RECIPIENTS: Final = timedelta(days=3 * 365)
"""How long after its retirement a key may decrypt where nothing is said: SP 800-57 part 1, table 1."""


class KeyRetired(Detector):
    """Finds uses of keys that were retired.

    Claim:
        Somebody kept a key that was replaced, or a rotation did not reach everybody.

    Why it matters:
        Keys are replaced so that an old copy is worth nothing. Where the old one still works, it is worth as much as
        ever.

    Fires when:
        A key signs, encrypts or wraps after its retirement: high. A token signed with it is accepted although all of
        them have expired, or it decrypts or unwraps after `recipient_until`, without that three years after its
        retirement: medium.

    Stays quiet when:
        It happened within `leeway`, for the clocks. Tokens from before the retirement are verified until
        `longest_lifetime` later. Nothing is known of the key.

    Blind spots:
        Keys that neither stand in `[[keys]]` nor in a JWKS that is watched. What left a JWKS counts as retired from
        when that was seen.

    Formula:
        sign, encrypt, wrap, issue, refresh: time > retired + leeway; verify: time > retired + longest_lifetime;
        decrypt, unwrap: time > (recipient_until, else retired + 3 years).

    Parameters:
        `longest_lifetime`: of tokens: how long after its retirement a key may verify.
        `leeway`: how far clocks and caches may lag.

    Example:
        >>> KeyRetired(leeway=timedelta(minutes=1)).longest_lifetime
        datetime.timedelta(days=1)

    Next steps:
        Find who still holds the key, and whether the tokens signed since are forged. Destroy its last copies.

    References:
        NIST SP 800-57 part 1 section 5.3.6 (originator and recipient usage periods). MITRE ATT&CK T1606, T1552.004.
    """

    type: ClassVar[str] = "key-retired"
    title: ClassVar[str] = "Retired key in use"
    kinds: ClassVar[frozenset[EventType]] = KINDS
    keys: ClassVar[tuple[str, ...]] = ("key_id",)
    needs: ClassVar[tuple[str, ...]] = ("key_id", "key_listed_at")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="originated",
            title="Retired key signs or encrypts",
            summary="{key} signed or encrypted {elapsed} after its retirement.",
            severity=Severity.HIGH,
            entity=KEY,
            others=OTHERS,
            metrics=ELAPSED,
            attack=("T1606", "T1552.004"),
            advice=(
                "Find who still holds the key; whoever has it can forge tokens.",
                "Take it out of every verifier and destroy its copies.",
            ),
        ),
        AlertClass(
            name="received",
            title="Retired key still accepted",
            summary="{key} was accepted to verify or decrypt {elapsed} after its retirement.",
            severity=Severity.MEDIUM,
            entity=KEY,
            others=OTHERS,
            metrics=ELAPSED,
            attack=("T1606",),
            advice=("Take the key out of the verifiers that accept it.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        SP_800_57,
        "https://attack.mitre.org/techniques/T1606/",
    )
    false_positives: ClassVar[tuple[str, ...]] = ("A server that missed the rotation and signs with the old key",)

    longest_lifetime: timedelta = Field(
        timedelta(days=1),
        ge=timedelta(hours=1),
        le=timedelta(days=365),
        description="Of tokens: how long after its retirement a key may verify.",
    )
    leeway: timedelta = Field(
        timedelta(minutes=5),
        ge=timedelta(0),
        le=timedelta(days=1),
        description="How far clocks and caches may lag.",
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers, no state
        """Check one batch."""
        age, purpose = elapsed(events, "key_retired"), purposes(events)
        known = events["key_recipient_until"] != NULL_TIME
        left = np.where(known, elapsed(events, "key_recipient_until"), age - micros(_RECIPIENTS))
        leeway = micros(self.leeway)
        limits = np.array([leeway, leeway, micros(self.longest_lifetime), 0, 0])  # by purpose
        over = np.where(purpose == OPENS, left, age - limits[purpose])
        rows = np.flatnonzero((purpose != NO_PURPOSE) & (age >= 0) & (over > 0))
        signed = (purpose[rows] == SIGNS) | (purpose[rows] == ENCRYPTS)
        findings = report(
            events,
            rows,
            "key_id",
            severity=np.where(signed, HIGH, MEDIUM),
            confidence=LIKELY,
            alert_class=np.where(signed, ORIGINATED, RECEIVED),
            measured=[(age[rows] / 1e6, (age - over)[rows] / 1e6)],
        )
        return Findings.of(self.type, findings)
