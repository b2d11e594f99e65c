"""key-new-principal: somebody uses a key who never did."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import LIKELY, LOW, MEDIUM, report
from detectors.keys.callers import KEY, NEW_CALLER, OTHERS, callers_table, judge
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity, SubjectType, code


class KeyNewPrincipal(Detector):
    """Finds the first use of a key by a principal.

    Claim:
        Somebody got access to a key who had none.

    Why it matters:
        A key is used by the same few services day after day. Whoever signs with it can mint tokens, whoever decrypts
        with it can read them.

    Fires when:
        A principal signs, encrypts, decrypts, wraps or unwraps with a key for the first time, and the key has been in
        use for longer than `learning`: medium; a service: low, since new services are normal. Once for each principal,
        so that a flood of calls is one finding.

    Stays quiet when:
        The key itself is new. More than 16 principals use it: it is open to many. The call is refused, or is one of
        `verify` and `authenticate`, whose subject is the owner of the token.

    Blind spots:
        Whoever comes while the key is being learned, or takes over a known principal. Keys without use for 90 days are
        learned anew.

    Formula:
        first(key_id, sub) and time - first(key_id) >= learning; client_id where there is no sub.

    Parameters:
        `learning`: how long a key only teaches.

    Example:
        >>> KeyNewPrincipal().learning
        datetime.timedelta(days=7)

    Next steps:
        Ask the owner of the key who gave the access, and compare with the changes of its policy (see key-tampering).

    References:
        NIST SP 800-57 part 1 section 5.3 (cryptoperiods, exposure of keys). MITRE ATT&CK T1078, T1552.004.
    """

    type: ClassVar[str] = "key-new-principal"
    title: ClassVar[str] = "New principal at a key"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("key_id",)
    needs: ClassVar[tuple[str, ...]] = ("key_id", "operation", "sub")
    warm_up: ClassVar[timedelta] = timedelta(days=7)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="new-principal",
            title="New principal at a key",
            summary="{user} used {key} for the first time.",
            severity=Severity.MEDIUM,
            entity=KEY,
            others=OTHERS,
            attack=("T1078", "T1552.004"),
            advice=(
                "Ask the owner of the key who gave the access.",
                "List what the principal did with the key since: tokens signed, data decrypted.",
            ),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = ("https://attack.mitre.org/techniques/T1078/",)
    false_positives: ClassVar[tuple[str, ...]] = ("A new service, an administrator who restores a backup",)

    learning: timedelta = Field(
        timedelta(days=7), ge=timedelta(days=1), le=timedelta(days=60), description="How long a key only teaches."
    )

    def new_state(self) -> State:
        """Give the empty state: the principals of each key."""
        return {"keys": callers_table()}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check one batch."""
        rows, news = judge(events, micros(self.learning), state)
        rows = rows[(news & NEW_CALLER) != 0]
        severity = np.where(events["sub_type"][rows] == code(SubjectType.SERVICE), LOW, MEDIUM)
        return Findings.of(self.type, report(events, rows, "key_id", severity=severity, confidence=LIKELY))
