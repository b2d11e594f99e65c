"""key-compromised: a key is used that others may have."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np

from detectors.base import AlertClass, Detector, State
from detectors.findings import CRITICAL, MEDIUM, SURE, report
from detectors.keys.callers import KEY, OTHERS
from detectors.keys.purposes import ELAPSED, KINDS, NO_PURPOSE, OPENS, SP_800_57, elapsed, purposes, tried
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity

USED, OPENED, TRIED = range(3)
"""Positions in `classes`."""


class KeyCompromised(Detector):
    """Finds uses of keys whose owner says that others have them.

    Claim:
        A key in foreign hands still opens doors.

    Why it matters:
        Whoever has a signing key makes any token, for anybody, and each one verifies.

    Fires when:
        From `compromised` on a key signs, encrypts, wraps, or a token under it is accepted: critical. It decrypts or
        unwraps: medium, since old data has to be read to encrypt it anew. A use of it is refused: medium.

    Stays quiet when:
        The event happened before. The key stands not in `[[keys]]`, or without `compromised`.

    Blind spots:
        Verification offline, which leaves no event. Compromises that nobody wrote down.

    Formula:
        time >= compromised.

    Parameters:
        None.

    Example:
        >>> KeyCompromised().type
        'key-compromised'

    Next steps:
        Take the key out of every JWKS and verifier now. Revoke what was signed since.

    References:
        NIST SP 800-57 part 1 section 8.3.5 (compromised keys are not used to protect). MITRE ATT&CK T1606, T1552.004.
    """

    type: ClassVar[str] = "key-compromised"
    title: ClassVar[str] = "Compromised key in use"
    kinds: ClassVar[frozenset[EventType]] = KINDS | {EventType.VERIFY_FAILURE}
    keys: ClassVar[tuple[str, ...]] = ("key_id",)
    needs: ClassVar[tuple[str, ...]] = ("key_id", "key_listed_at")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="used",
            title="Compromised key accepted",
            summary="{key} was used {elapsed} after it was compromised.",
            severity=Severity.CRITICAL,
            entity=KEY,
            others=OTHERS,
            metrics=ELAPSED,
            attack=("T1606", "T1552.004"),
            advice=(
                "Take the key out of every JWKS and verifier now: tokens under it prove nothing.",
                "Revoke what was signed with it since, and issue anew with another key.",
            ),
        ),
        AlertClass(
            name="opened",
            title="Compromised key decrypts",
            summary="{key} decrypted or unwrapped {elapsed} after it was compromised.",
            severity=Severity.MEDIUM,
            entity=KEY,
            others=OTHERS,
            metrics=ELAPSED,
            attack=("T1552.004",),
            advice=("Encrypt what it protects with another key, and ask whether this principal does that.",),
        ),
        AlertClass(
            name="tried",
            title="Compromised key tried",
            summary="A use of {key} was refused {elapsed} after it was compromised.",
            severity=Severity.MEDIUM,
            entity=KEY,
            others=OTHERS,
            metrics=ELAPSED,
            attack=("T1606",),
            advice=("See who tries it: a server that missed the rotation, or whoever has the copy.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (SP_800_57, "https://attack.mitre.org/techniques/T1606/")
    false_positives: ClassVar[tuple[str, ...]] = ("A date of compromise that was set too early",)

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        age, purpose = elapsed(events, "key_compromised"), purposes(events)
        rows = np.flatnonzero((age >= 0) & ((purpose != NO_PURPOSE) | tried(events)))
        purpose = purpose[rows]
        chosen = np.select([purpose == NO_PURPOSE, purpose == OPENS], [TRIED, OPENED], USED)
        findings = report(
            events,
            rows,
            "key_id",
            severity=np.where(chosen == USED, CRITICAL, MEDIUM),
            confidence=SURE,
            alert_class=chosen,
            measured=[(age[rows] / 1e6, np.nan)],
        )
        return Findings.of(self.type, findings)
