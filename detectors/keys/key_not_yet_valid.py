"""key-not-yet-valid: a key is used before its time."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import LIKELY, MEDIUM, report
from detectors.keys.callers import KEY, OTHERS
from detectors.keys.purposes import KINDS, NO_PURPOSE, SP_800_57, purposes
from schemas.catalogue import Metric, Unit
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity


class KeyNotYetValid(Detector):
    """Finds uses of keys before their owner put them into service.

    Claim:
        Somebody uses a key that nobody should use yet.

    Why it matters:
        A key that waits for its rotation is stored somewhere. If it signs already, whoever has that copy signs.

    Fires when:
        A key is used, whatever for, more than `leeway` before `not_before`: medium.

    Stays quiet when:
        The key is used within `leeway`, for the clocks, or the use is refused. The owner gave no `not_before`.

    Blind spots:
        Keys that do not stand in `[[keys]]`: a JWKS says nothing of it.

    Formula:
        time < not_before - leeway.

    Parameters:
        `leeway`: how far clocks may differ.

    Example:
        >>> KeyNotYetValid().leeway
        datetime.timedelta(seconds=300)

    Next steps:
        Ask the owner whether the rotation came early; else treat the waiting key as stolen and make another.

    References:
        NIST SP 800-57 part 1 section 7.1 (pre-activation state). MITRE ATT&CK T1606, T1552.004.
    """

    type: ClassVar[str] = "key-not-yet-valid"
    title: ClassVar[str] = "Key used before its time"
    kinds: ClassVar[frozenset[EventType]] = KINDS
    keys: ClassVar[tuple[str, ...]] = ("key_id",)
    needs: ClassVar[tuple[str, ...]] = ("key_id", "key_listed_at")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="early",
            title="Key used before its time",
            summary="{key} was used {ahead} before it may be.",
            severity=Severity.MEDIUM,
            entity=KEY,
            others=OTHERS,
            metrics=(Metric("ahead", Unit.SECONDS),),
            attack=("T1606", "T1552.004"),
            advice=(
                "Ask the owner whether the rotation came early.",
                "Otherwise make another key: this one is in foreign hands before its first day.",
            ),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (SP_800_57, "https://attack.mitre.org/techniques/T1606/")
    false_positives: ClassVar[tuple[str, ...]] = ("A rotation that came earlier than written down",)

    leeway: timedelta = Field(
        timedelta(minutes=5), ge=timedelta(0), le=timedelta(days=1), description="How far clocks may differ."
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        begins, leeway = events["key_not_before"], micros(self.leeway)
        early = (begins != NULL_TIME) & (events["time"] < begins - leeway)
        rows = np.flatnonzero(early & (purposes(events) != NO_PURPOSE))
        measured = [((begins - events["time"])[rows] / 1e6, leeway / 1e6)]
        findings = report(events, rows, "key_id", severity=MEDIUM, confidence=LIKELY, measured=measured)
        return Findings.of(self.type, findings)
