"""mint-mismatch: a key signs more tokens than are given out, or signs for somebody who may not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit
from detectors.findings import CRITICAL, SURE, Array, report
from detectors.keys import signatures
from detectors.keys.callers import callers
from detectors.keys.signatures import CLASSES, SPAN, STEP, Ledger, Limits
from detectors.rates.uses import KEY, TOKEN, uses_at
from detectors.recall import known_since, notes_table, paired
from detectors.tables import Table, upsert
from detectors.texts import coded, named
from detectors.views import Views
from schemas.columns import NULL_TIME
from schemas.fields import micros
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Operation, Outcome, Severity, code

_KEY: Final = EntityField(EntityType.KEY, "key_id", EntityRole.TARGET)
_OTHERS: Final = (
    EntityField(EntityType.USER, "principal", EntityRole.ATTACKER),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.ATTACKER),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
_T1606: Final = ("T1606", "T1552.004")
_ADVICE: Final = (
    "List who signed with the key in that hour, and from where, in the log of the key service.",
    "If a signer is not the issuer, take its access to the key away, replace the key, and revoke what it signed.",
    "If the issuer's log has a gap, mend that first.",
)
FOREIGN: Final = 2
_HOURS: Final = 24.0
"""Hours a key has to sign in before it is judged."""
_HORIZON: Final = (SPAN + 1) * STEP
"""So long after the last event no window holds any."""


class MintMismatch(Detector):
    """Finds keys that sign more than their issuer gives out.

    Claim:
        Somebody has tokens signed past the issuer.

    Why it matters:
        Whoever may call the key service need not steal the key: each signature is a token that every server accepts,
        and the issuer knows nothing of it. Two logs that should agree do not.

    Fires when:
        - unissued-signatures (high): of the tokens that a key signed within an hour, and the log of signatures names,
          more than usual were not issued within 15 min: by `least_unissued` and by `deviations`.
        - excess-signatures (high): the signatures of an hour that name no token are more than its issues explain, by
          `least_excess` and by `deviations`. How many signatures an issue takes is learnt for each key and grant over
          7 days.
        - foreign-signer (critical): a principal outside the key's list in `signers` signs for the first time; at once.

        While an hour is out of proportion it is said every 5 min, so that an episode lasts as long.

    Stays quiet when:
        - the key was seen signing in fewer than 24 hours: it is learning. Nothing is said of keys that never sign, as
          where no log of signatures is read: there it is blind, and the readiness says so.
        - all signatures of an issue log that loses some are as many too many as ever.
        - the signature failed or was denied.

    Blind spots:
        Few forged tokens an hour where signatures name no token. A key that leaves its service and signs elsewhere
        (never-issued-use sees that one). An issuer whose signatures were too many from the start. With no list in
        `signers` anybody may sign.

    Formula:
        unissued U of an hour > E[U] + max(least_unissued, deviations · s), s² = max(E[U], mean square beside it).
        signatures S of an hour > m + max(least_excess, deviations · s), m = sum of ratio(key, grant) · issues(key,
        grant), s² = max(m, mean square of what the hours before left); ratios by least squares over the hours, weighted
        1 / issues, not negative, shrunk towards one ratio for all grants. Means fade with a memory of 7 days, and an
        hour teaches at most its limit. Volume is count / sample_rate. Hours are settled for 15 min, and looked at every
        5 min.

    Parameters:
        `signers`: key id → subjects (or clients, where events have no subject) that may sign with it.
        `least_unissued`, `least_excess`, `deviations`: set the limits.

    Example:
        >>> MintMismatch(signers={"kid-1": ["svc-identity"]}).least_excess
        20

    Next steps:
        Compare the log of the key service with the issuer's, signature by signature. Take the access of a foreign
        signer away, replace the key, and let servers refuse the old one.

    References:
        MITRE ATT&CK T1606, T1552.004. NIST SP 800-57 part 1 section 8.3.1 (misuse of a key ends its use).
    """

    type: ClassVar[str] = "mint-mismatch"
    title: ClassVar[str] = "Signatures without issues"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE, EventType.ISSUE})
    keys: ClassVar[tuple[str, ...]] = ("key_id", "token_id")
    needs: ClassVar[tuple[str, ...]] = ("key_id", "operation=sign")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="unissued-signatures",
            title="A key signed tokens that were never issued",
            summary="{key} signed {signatures} tokens within an hour that were not issued.",
            severity=Severity.HIGH,
            entity=_KEY,
            metrics=(Metric("signatures", Unit.COUNT),),
            attack=_T1606,
            advice=_ADVICE,
        ),
        AlertClass(
            name="excess-signatures",
            title="A key signs more than is issued",
            summary="{key} made {signatures} signatures within an hour, more than the tokens issued with it take.",
            severity=Severity.HIGH,
            entity=_KEY,
            metrics=(Metric("signatures", Unit.COUNT),),
            attack=_T1606,
            advice=_ADVICE,
        ),
        AlertClass(
            name="foreign-signer",
            title="A key signs for somebody who may not",
            summary="{user} signed with {key} and is not on its list.",
            severity=Severity.CRITICAL,
            entity=_KEY,
            others=_OTHERS,
            attack=_T1606,
            advice=("Take the access away at once, or name the principal in `signers`.", *_ADVICE[:2]),
        ),
    )
    warm_up: ClassVar[timedelta] = timedelta(days=1)
    cool_down: ClassVar[timedelta] = timedelta(hours=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://attack.mitre.org/techniques/T1606/",
        "https://attack.mitre.org/techniques/T1552/004/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A gap in the issuer's log",
        "The key begins to sign something else, such as documents or webhooks",
    )

    signers: dict[str, frozenset[str]] = Field(
        {},
        description="Key id → subjects or clients that may sign with it.",
        examples=[{"kid-9": frozenset({"user-1"})}],
    )
    least_unissued: int = Field(3, ge=1, le=10_000, description="Least excess of signed tokens that were not issued.")
    least_excess: int = Field(20, ge=5, le=100_000, description="Least excess of signatures that name no token.")
    deviations: float = Field(5.0, ge=3, le=20, description="Least excess, standard deviations.")

    def new_state(self) -> State:
        """Give the empty state."""
        return {
            "keys": signatures.keys_table(),
            "pending": signatures.pending_table(),
            "issued": signatures.issued_table(),
            "clock": Table([("next", np.int64), ("last", np.int64)], ttl=micros(timedelta(days=36_525))),
            "foreign": notes_table(1, micros(timedelta(days=30))),
        }

    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Check one batch, and the hours that are settled by the watermark."""
        signs = (events["operation"] == code(Operation.SIGN)) & (events["outcome"] == code(Outcome.SUCCESS))
        signs &= events["type"] == code(EventType.KEY_USE)
        rows = np.flatnonzero((signs | (events["type"] == code(EventType.ISSUE))) & (events["key_id"] != 0))
        found = [np.empty(0, FINDING), self._foreign(events, rows[signs[rows]], state)]
        acts = uses_at(events, rows)
        acts["ids"][:, TOKEN], acts["ids"][:, KEY] = events["token_id"][rows], events["key_id"][rows]
        grants = events["grant_type"][rows].astype(np.int64) + 1
        for piece in _pieces(acts["now"]):
            now, last = int(acts["now"][piece.start]), int(acts["now"][piece.stop - 1])
            found += self._judged(state, now - 1)
            signatures.count(
                acts[piece], signs[rows[piece]], grants[piece], _ledger(state, now, piece.stop - piece.start)
            )
            _tick(state, now, last)
        found += self._judged(state, watermark)
        return Findings.of(self.type, np.concatenate(found))

    def _judged(self, state: State, until: int) -> Iterator[Array]:
        """Judge the windows that end by `until` and were not judged yet."""
        clock = cast("Table", state["clock"]).view(0, until)
        if not len(state["clock"]) or clock.rows[0]["next"] > until:
            return
        row, clock.dirty[0] = clock.rows[0], True
        limits = Limits(self.least_unissued, self.least_excess, self.deviations, _HOURS)
        while row["next"] <= min(until, row["last"] + _HORIZON):
            out = np.zeros(CLASSES * len(state["keys"]), FINDING)
            yield out[: signatures.judge(_ledger(state, int(row["next"]), 0), int(row["next"]), limits, out)]
            row["next"] += STEP
        row["next"] = max(row["next"], (until // STEP + 1) * STEP)

    def _foreign(self, events: Events, rows: Array, state: State) -> Array:
        """Report the first signature of each principal outside a key's list."""
        if self.signers:
            keys = coded(events, rows, "key_id")
            listed = np.zeros(len(rows), np.bool_)
            for key, principals in self.signers.items():
                mine = np.isin(rows, keys.rows[keys.which(key.__eq__)])
                listed |= mine & ~named(events, rows, principals)
            rows = rows[listed]
        else:
            rows = rows[:0]
        who = callers(events, rows)
        pairs = paired(who, events["key_id"][rows])
        first = known_since(cast("Table", state["foreign"]), pairs, events["order_time"][rows]) == NULL_TIME
        rows = rows[first & (pairs != 0)]
        return report(events, rows, "key_id", severity=CRITICAL, confidence=SURE, alert_class=FOREIGN)


def _pieces(nows: Array) -> Iterator[slice]:
    """Cut a batch after the events that a window ends with."""
    steps = (nows - 1) // STEP
    cuts = [0, *(np.flatnonzero(np.diff(steps)) + 1), len(nows)]
    yield from (slice(int(start), int(end)) for start, end in pairwise(cuts) if end > start)


def _ledger(state: State, now: int, more: int) -> Ledger:
    views = Views(state, now)
    return Ledger(*(views.table(name, more) for name in ("keys", "pending", "issued")))


def _tick(state: State, now: int, last: int) -> None:
    """Note the last event, and when the first one is due to be judged."""
    clock = cast("Table", state["clock"]).view(1, now)
    row = clock.rows[upsert(clock, np.uint64(1), last)]
    row["last"] = last
    if row["next"] == 0:
        row["next"] = -(-now // STEP) * STEP
