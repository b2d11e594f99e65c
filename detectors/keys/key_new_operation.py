"""key-new-operation: a key serves a purpose that it never did."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import LIKELY, LOW, MEDIUM, report
from detectors.keys.callers import KEY, NEW_FOR_CALLER, NEW_OPERATION, OTHERS, SECRET, callers_table, judge
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity


class KeyNewOperation(Detector):
    """Finds the first operation of its kind with a key, or by one of its principals.

    Claim:
        A key, or the access to it, is put to a use that nobody planned.

    Why it matters:
        Each key has one purpose. A service that only ever encrypted and now decrypts everything is how stores of
        secrets are emptied.

    Fires when:
        Somebody signs, decrypts or unwraps: medium, or encrypts or wraps: low, with a key that is known for longer than
        `learning` and never served for that, or as a principal of the key who is known for longer than `learning` and
        never did that. Once for each operation, so that a flood of calls is one finding.

    Stays quiet when:
        The key or the principal at it is new (see key-new-principal). The call is refused. More than 16 principals use
        the key, and this one was not among the first.

    Blind spots:
        Operations that happened while the key was being learned. Keys without use for 90 days are learned anew.

    Formula:
        first(key_id, operation) and time - first(key_id) >= learning; or first(key_id, sub, operation) and
        time - first(key_id, sub) >= learning; client_id where there is no sub.

    Parameters:
        `learning`: how long a key, and a principal at it, only teach.

    Example:
        >>> KeyNewOperation().learning
        datetime.timedelta(days=7)

    Next steps:
        Ask the owner of the key whether its purpose changed. Limit its policy to the operations that are meant.

    References:
        NIST SP 800-57 part 1 section 5.2 (a key is used for one purpose). MITRE ATT&CK T1552.004.
    """

    type: ClassVar[str] = "key-new-operation"
    title: ClassVar[str] = "New operation with a key"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("key_id",)
    needs: ClassVar[tuple[str, ...]] = ("key_id", "operation", "sub")
    warm_up: ClassVar[timedelta] = timedelta(days=7)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="new-to-key",
            title="Key used for something new",
            summary="{user} used {key} for an operation that {key} never served.",
            severity=Severity.MEDIUM,
            entity=KEY,
            others=OTHERS,
            attack=("T1552.004",),
            advice=("Ask the owner of the key whether its purpose changed.", "Limit its policy to what is meant."),
        ),
        AlertClass(
            name="new-to-principal",
            title="Principal uses a key for something new",
            summary="{user} used {key} for an operation that {user} never did with it.",
            severity=Severity.MEDIUM,
            entity=KEY,
            others=OTHERS,
            attack=("T1552.004", "T1078"),
            advice=("Ask the principal.", "List what was signed or decrypted since, and limit what the policy allows."),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = ("https://attack.mitre.org/techniques/T1552/004/",)
    false_positives: ClassVar[tuple[str, ...]] = ("The first restore of a backup, a new feature of a service",)

    learning: timedelta = Field(
        timedelta(days=7),
        ge=timedelta(days=1),
        le=timedelta(days=60),
        description="How long a key, and a principal at it, only teach.",
    )

    def new_state(self) -> State:
        """Give the empty state: the operations of each key and of its principals."""
        return {"keys": callers_table()}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check one batch."""
        rows, news = judge(events, micros(self.learning), state)
        told = (news & (NEW_OPERATION | NEW_FOR_CALLER)) != 0
        rows, news = rows[told], news[told]
        severity = np.where(np.isin(events["operation"][rows], SECRET), MEDIUM, LOW)
        own = (news & NEW_OPERATION) == 0
        findings = report(events, rows, "key_id", severity=severity, confidence=LIKELY, alert_class=own)
        return Findings.of(self.type, findings)
