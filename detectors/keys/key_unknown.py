"""key-unknown: tokens are signed with a key that their issuer never listed."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.acts import minted
from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import LIKELY, MEDIUM, Array, blank
from detectors.inventory import Inventory
from detectors.keys.callers import KEY
from detectors.keys.purposes import KINDS, SIGNS, VERIFIES, purposes
from detectors.recall import ASK, NOTE, notes_table, recall
from detectors.tables import Table
from detectors.texts import coded
from schemas.catalogue import Metric, Unit
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, KeyUse, Operation, Severity, TokenFormat, code

_MEMORY: Final = timedelta(days=1)
_HELD, _MISSED, _DONE = range(3)
"""What is noted of a key: it is in no list; a JWKS that was read since has it neither; no alert is to come any more."""
_SYMMETRIC: Final = "HS"


class KeyUnknown(Detector):
    """Finds keys that sign tokens and stand in no inventory.

    Claim:
        Tokens are accepted under a key that is not the issuer's.

    Why it matters:
        A verifier that takes a key from elsewhere takes tokens from anybody.

    Fires when:
        A key signed a token, or a token under it was accepted, and `hold` later neither the issuer's JWKS, which was
        read meanwhile, nor `[[keys]]` has it: medium. Once a day for each key.

    Stays quiet when:
        The JWKS, which is read several times within `hold`, comes to list it: a rotation whose tokens were faster. The
        JWKS could not be read within `hold`, or the worker was down: what is missing may be new. No JWKS of the issuer
        is watched, or the watch began later than the event. The key is symmetric (HS256 and its like), encrypts, or is
        a client's own: none of these stands in an issuer's JWKS.

    Blind spots:
        Issuers without a JWKS in the settings. Tokens that are verified where nobody logs. Refused tokens: there the
        key is only a claim. A key that first came while the JWKS could not be read is looked at again a day later.

    Formula:
        At first(key_id) + hold: read within (first, first + hold], and listed never or later.

    Parameters:
        `hold`: how long the JWKS may lag behind the tokens.

    Example:
        >>> KeyUnknown().hold
        datetime.timedelta(seconds=900)

    Next steps:
        Find the verifier that accepts the key and where it has it from.

    References:
        RFC 7517 section 5 (JWK set). RFC 8725 section 3.8. MITRE ATT&CK T1606.
    """

    type: ClassVar[str] = "key-unknown"
    title: ClassVar[str] = "Key in no inventory"
    kinds: ClassVar[frozenset[EventType]] = KINDS
    keys: ClassVar[tuple[str, ...]] = ("key_id",)
    needs: ClassVar[tuple[str, ...]] = ("key_id", "keys_since")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="unknown",
            title="Tokens under an unknown key",
            summary="Tokens are accepted under {key}, which its issuer has not listed {held} after the first.",
            severity=Severity.MEDIUM,
            entity=KEY,
            metrics=(Metric("held", Unit.SECONDS),),
            attack=("T1606",),
            advice=(
                "Find the verifier that accepts the key, and where it has it from.",
                "If the key is the issuer's, list it: in its JWKS, or in `[[keys]]`.",
            ),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc7517#section-5",
        "https://attack.mitre.org/techniques/T1606/",
    )
    false_positives: ClassVar[tuple[str, ...]] = ("An issuer that signs with keys it does not publish",)

    hold: timedelta = Field(
        timedelta(minutes=15),
        ge=timedelta(minutes=15),
        le=timedelta(hours=12),
        description="How long the JWKS may lag behind the tokens.",
    )

    def new_state(self) -> State:
        """Give the empty state: keys in no inventory, how far each is judged, and its issuer."""
        return {"unlisted": notes_table(2, micros(_MEMORY))}

    def consult(self, inventory: Inventory, state: State) -> None:
        """Let go of the keys that were listed in time; note which of the others a JWKS read since does not have."""
        held = _pending(state)
        issuers = held["words"][:, 1]
        read = inventory.reads(issuers, held["at"])["keys_read_next"]
        _mark(state, held[self._in_time(read, held["at"])], _MISSED)
        _mark(state, held[self._in_time(inventory.listed_at(held["key"]), held["at"])], _DONE)

    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Check one batch."""
        found = []
        if len(events):
            found.append(self._due(state, int(events["order_time"][0]) - 1))
            rows = _first_of_key(events, self._unlisted(events), _notes(state))
            times = events["order_time"][rows]
            missed = self._in_time(events["keys_read_next"][rows], times)
            words = np.stack([np.where(missed, _MISSED, _HELD).astype(np.uint64), events["issuer_key"][rows]], axis=1)
            recall(_notes(state), events["key_id"][rows], times, words, np.full(len(rows), NOTE, np.int8))
        found.append(self._due(state, watermark))
        return Findings.of(self.type, np.concatenate(found))

    def _unlisted(self, events: Events) -> Array:
        """Give the rows whose key should be listed and is not, in time."""
        purpose, listed = purposes(events), events["key_listed_at"]
        public = (purpose == SIGNS) | (purpose == VERIFIES)
        public &= (events["operation"] != code(Operation.AUTHENTICATE)) | minted(events)
        public &= (events["key_use"] != code(KeyUse.ENCRYPTION)) & (events["token_format"] != code(TokenFormat.OPAQUE))
        missing = ~self._in_time(listed, events["order_time"])
        covered = (events["keys_since"] != NULL_TIME) & (events["time"] >= events["keys_since"])
        rows = np.flatnonzero(public & missing & covered)
        algorithms = coded(events, rows, "alg")
        symmetric = algorithms.which(lambda value: value.upper().startswith(_SYMMETRIC))
        return rows[~np.isin(rows, algorithms.rows[symmetric])]

    def _in_time(self, happened: Array, since: Array) -> Array:
        """Tell of times, null for never, whether they lie within `hold` after others or before."""
        found: Array = (happened != NULL_TIME) & (happened <= since + micros(self.hold))
        return found

    def _due(self, state: State, now: int) -> Array:
        """Give a finding for each key whose time is up and which a JWKS read meanwhile does not have."""
        pending = _pending(state)
        due = pending[pending["at"] + micros(self.hold) <= now]
        _mark(state, due, _DONE)
        missed = due[due["words"][:, 0] == _MISSED]
        findings = blank(np.full(len(missed), -1), missed["at"] + micros(self.hold))
        findings["entity"], findings["severity"], findings["confidence"] = missed["key"], MEDIUM, LIKELY
        findings["alert_class"] = 0
        findings["observed"][:, 0] = micros(self.hold) / 1e6
        return findings


def _first_of_key(events: Events, rows: Array, notes: Table) -> Array:
    """Give the first row of each key that has no note; a note ends a day after its first event, however many follow."""
    keys, times = events["key_id"][rows], events["order_time"][rows]
    nothing, modes = np.zeros((len(rows), 2), np.uint64), np.full(len(rows), ASK, np.int8)
    noted, _ = recall(notes, keys, times, nothing, modes)
    rows = rows[noted == NULL_TIME]
    _, first = np.unique(events["key_id"][rows], return_index=True)
    return rows[np.sort(first)]


def _notes(state: State) -> Table:
    return cast("Table", state["unlisted"])


def _pending(state: State) -> Array:
    """Give the notes of keys that are not done, in order of their time."""
    notes = _notes(state).live()
    pending: Array = notes[notes["words"][:, 0] != _DONE]
    return pending[np.argsort(pending["at"], kind="stable")]


def _mark(state: State, notes: Array, judged: int) -> None:
    words = notes["words"].copy()
    words[:, 0] = judged
    recall(_notes(state), notes["key"], notes["at"], words, np.full(len(notes), NOTE, np.int8))
