"""key-tampering: keys that are destroyed, copied or opened to others by somebody who is not in charge of them."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.acts import refused
from detectors.base import AlertClass, Detector, EntityField, State, micros
from detectors.findings import HIGH, LOW, MEDIUM, NO_CLASS, SURE, UNSURE, Array, report
from detectors.keys.callers import callers
from detectors.recall import ASK, NOTE_FIRST, notes_table, paired, recall
from detectors.tables import Table
from detectors.texts import named
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Operation, Severity, code

_KEY = EntityField(EntityType.KEY, "key_id", EntityRole.VICTIM)
_OTHERS = (
    EntityField(EntityType.USER, "principal", EntityRole.ATTACKER),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.ATTACKER),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
DISABLED, COPIED, OPENED, READ = range(4)
"""Positions in `classes`."""
_CLASSES: Final = {
    Operation.DISABLE: DISABLED,
    Operation.SCHEDULE_DELETE: DISABLED,
    Operation.DESTROY: DISABLED,
    Operation.IMPORT: COPIED,
    Operation.EXPORT: COPIED,
    Operation.POLICY_CHANGE: OPENED,
    Operation.READ_SECRET: READ,
}
_CLASS_OF: Final = np.array([*(_CLASSES.get(operation, NO_CLASS) for operation in Operation), NO_CLASS])
"""By code of the operation; the last is null's."""
_ESTABLISHED: Final = micros(timedelta(hours=20))
"""What is done on two days is a custom, not one attack."""


class KeyTampering(Detector):
    """Finds dangerous operations on keys by principals who are not known to manage keys.

    Claim:
        Somebody destroys, copies or opens a key who should not.

    Why it matters:
        Without its key an issuer signs nothing and what was encrypted is lost. With a copy of it, or a foreign key in
        its place, an attacker makes tokens that every server accepts.

    Fires when:
        A key is disabled, deleted or scheduled for deletion, imported, exported, its policy changed or a secret read by
        a principal outside `administrators`: high. Tried in vain: medium. Where `administrators` is empty nobody is
        known to be in charge: one step less, and low if the principal did the like a day to two months before. Reading
        secrets is what applications do: low until `readers` says who may.

    Stays quiet when:
        The principal is one of `administrators`, or reads a secret and is one of `readers`. The operation is creation,
        rotation, enabling or use. Without `readers`: the principal read the same secret a day to two months before.

    Blind spots:
        Events without a key id. An administrator whose credentials were stolen (see key-new-principal). Without
        `administrators`, whoever was let go on after the first alert.

    Formula:
        operation ∈ {disable, schedule-delete, destroy, import, export, policy-change, read-secret} and
        sub ∉ administrators (or readers to read); client_id where there is no sub.

    Parameters:
        `administrators`: subjects (or clients, where events have no subject) that manage keys. `readers`: those that
        read secrets; they may do nothing else.

    Example:
        >>> KeyTampering(administrators={"ops"}).administrators
        frozenset({'ops'})

    Next steps:
        Cancel the deletion or enable the key while that is possible. Ask the principal. If key material left, replace
        the key and revoke what it signed.

    References:
        NIST SP 800-57 part 1 sections 7 and 8 (states of keys, phases of their management). MITRE ATT&CK T1485,
        T1552.004, T1098, T1555.006.
    """

    type: ClassVar[str] = "key-tampering"
    title: ClassVar[str] = "Key tampered with"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("key_id", "sub", "client_id")
    needs: ClassVar[tuple[str, ...]] = ("key_id", "operation")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="key-disabled",
            title="Key disabled or deleted",
            summary="{user} disabled or deleted {key}, or tried to.",
            severity=Severity.HIGH,
            entity=_KEY,
            others=_OTHERS,
            attack=("T1485",),
            advice=("Cancel the deletion or enable the key while that is possible.", "Ask who ordered it."),
        ),
        AlertClass(
            name="key-material-moved",
            title="Key imported or exported",
            summary="{user} imported or exported material of {key}, or tried to.",
            severity=Severity.HIGH,
            entity=_KEY,
            others=_OTHERS,
            attack=("T1552.004",),
            advice=("Treat the key as known to others: replace it, and revoke the tokens it signed.",),
        ),
        AlertClass(
            name="key-policy-changed",
            title="Policy of a key changed",
            summary="{user} changed who may use {key}, or tried to.",
            severity=Severity.HIGH,
            entity=_KEY,
            others=_OTHERS,
            attack=("T1098",),
            advice=("Compare the policy with the one before, and undo what nobody ordered.",),
        ),
        AlertClass(
            name="secret-read",
            title="Secret read",
            summary="{user} read the secret {key}, or tried to.",
            severity=Severity.HIGH,
            entity=_KEY,
            others=_OTHERS,
            attack=("T1555.006",),
            advice=(
                "Replace the secret, unless the reader is an application that needs it: then name it in `readers`.",
            ),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://attack.mitre.org/techniques/T1485/",
        "https://attack.mitre.org/techniques/T1552/004/",
        "https://attack.mitre.org/techniques/T1555/006/",
    )
    false_positives: ClassVar[tuple[str, ...]] = ("Infrastructure as code under a principal that was not listed",)

    administrators: frozenset[str] = Field(
        frozenset(), description="Subjects or clients that manage keys.", examples=[frozenset({"user-1"})]
    )
    readers: frozenset[str] = Field(
        frozenset(), description="Subjects or clients that read secrets.", examples=[frozenset({"user-2"})]
    )

    def new_state(self) -> State:
        """Give the empty state: since when a principal does the like."""
        return {"customs": notes_table(1, micros(timedelta(days=60)))}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check one batch."""
        said = np.where(events["type"] == code(EventType.KEY_USE), _CLASS_OF[events["operation"]], NO_CLASS)
        rows = np.flatnonzero((said != NO_CLASS) & (events["key_id"] != 0))
        reads = said[rows] == READ
        allowed = named(events, rows, self.administrators) | (reads & named(events, rows, self.readers))
        rows, reads = rows[~allowed], reads[~allowed]
        listed = np.where(reads, bool(self.readers), bool(self.administrators))
        custom = ~listed & _customary(events, rows, said[rows], cast("Table", state["customs"]))
        severity = np.where(refused(events)[rows], MEDIUM, HIGH)
        severity = np.where(listed, severity, np.where(reads | custom, LOW, severity - 1))
        told = ~(reads & custom)
        findings = report(
            events,
            rows[told],
            "key_id",
            severity=severity[told],
            confidence=np.where(listed, SURE, UNSURE)[told],
            alert_class=said[rows][told],
        )
        return Findings.of(self.type, findings)


def _customary(events: Events, rows: Array, said: Array, customs: Table) -> Array:
    """Tell of each row whether its principal read that secret, or did the like to keys, long before; bool (m,).

    What succeeds is noted.
    """
    matters = np.where(said == READ, events["key_id"][rows], (said + 1).astype(np.uint64))
    times, modes = events["order_time"][rows], np.where(refused(events)[rows], ASK, NOTE_FIRST).astype(np.int8)
    nothing = np.zeros((len(rows), 1), np.uint64)
    since, _ = recall(customs, paired(callers(events, rows), matters), times, nothing, modes)
    custom: Array = (since != NULL_TIME) & (times - since >= _ESTABLISHED)
    return custom
