"""scope-escalation: tokens that may do more than those before them."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.acts import minted
from detectors.base import AlertClass, Detector, EntityField, State, micros
from detectors.findings import HIGH, LIKELY, LOW, MEDIUM, SURE, Array, report
from detectors.recall import ADD, RENEW, known_since, notes_table, paired, recall
from detectors.tables import Table
from detectors.texts import coded, word_keys
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, GrantType, Severity, code

NEW, SENSITIVE, BEYOND = range(3)
"""Positions in `classes`."""
MEMORY: Final = timedelta(days=90)
"""A scope that a client did not get for longer is new to it again."""
GRANT_MEMORY: Final = timedelta(days=30)
"""A grant that was not refreshed for longer is forgotten."""
_WORDS: Final = 3
_CLIENT = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_USER = EntityField(EntityType.USER, "principal", EntityRole.VICTIM)
_ADVICE = ("Ask the client's owner which change of the client needs the scope.", "Take the scope back, if none does.")


class ScopeEscalation(Detector):
    """Finds clients that get scopes they never had, and refreshes that get more than was granted.

    Claim:
        A client, or whoever acts in its name, widens what its tokens may do.

    Why it matters:
        Consent that was tricked out of a user, or a client whose registration was changed, shows in the scopes of its
        next tokens. A refresh must never get a scope that the user did not grant (RFC 6749 section 6).

    Fires when:
        A client that is known for `learning` gets a scope that it did not get for 90 days: low. The scope is one of
        `watched_scopes` or has a wildcard (`*`): high, from the client's first day on. A refresh gets a scope that the
        grant of its family did not have: medium, high for such scopes.

    Stays quiet when:
        The client is new and the scope is an ordinary one. The family's own issue was not seen, or said no scope.

    Blind spots:
        Permissions that are no scopes: roles, claims, resource indicators. Issuers that do not log scopes. In a grant
        of ten scopes three in a thousand others pass as granted, since a grant is remembered as a filter of 192 bits.

    Formula:
        new = scope ∉ scopes(client, 90 d); beyond = scope(refresh) ⊄ scope(all issues of the family by other grants).

    Parameters:
        `watched_scopes`: scopes that always matter. `learning`: how long a client's scopes are learned first.

    Example:
        >>> ScopeEscalation(watched_scopes={"admin"}).watched_scopes
        frozenset({'admin'})

    Next steps:
        See who changed the client's registration or consented. Revoke the family if nobody can say why.

    References:
        RFC 6749 sections 3.3 and 6. RFC 9700 section 2.3 (restricting privileges). MITRE ATT&CK T1528, T1098.
    """

    type: ClassVar[str] = "scope-escalation"
    title: ClassVar[str] = "Token with more scope"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH})
    keys: ClassVar[tuple[str, ...]] = ("client_id", "family_id")
    needs: ClassVar[tuple[str, ...]] = ("client_id",)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="new-scope",
            title="Client gets a new scope",
            summary="{client} got a scope that it did not get before.",
            severity=Severity.LOW,
            entity=_CLIENT,
            others=(_USER,),
            attack=("T1098",),
            advice=_ADVICE,
        ),
        AlertClass(
            name="sensitive-scope",
            title="Client gets a sensitive scope",
            summary="{client} got a watched scope or a wildcard that it did not get before.",
            severity=Severity.HIGH,
            entity=_CLIENT,
            others=(_USER,),
            attack=("T1528", "T1098"),
            advice=_ADVICE,
        ),
        AlertClass(
            name="scope-beyond-grant",
            title="Refresh beyond its grant",
            summary="A refresh of {client} got a scope that {user} did not grant.",
            severity=Severity.MEDIUM,
            entity=EntityField(EntityType.FAMILY, "family_id", EntityRole.TARGET),
            others=(_USER, _CLIENT),
            attack=("T1528",),
            advice=("Check that the issuer compares the scope of a refresh with the grant.", *_ADVICE),
            revoke="family",
        ),
    )
    warm_up: ClassVar[timedelta] = timedelta(days=7)
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc6749#section-6",
        "https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A release of the client that needs more",
        "Issuers whose refresh tokens serve several resources: the scope of each refresh is another",
    )

    watched_scopes: frozenset[str] = Field(
        frozenset(), description="Scopes that always matter.", examples=[frozenset({"admin"})]
    )
    learning: timedelta = Field(
        timedelta(days=7), ge=timedelta(0), le=timedelta(days=60), description="Time to learn a client's scopes."
    )

    def new_state(self) -> State:
        """Give the empty state: first sight of each client and of its scopes, and the scopes of each family's grant."""
        return {
            "clients": notes_table(1, micros(MEMORY)),
            "scopes": notes_table(1, micros(MEMORY)),
            "grants": notes_table(_WORDS, micros(GRANT_MEMORY)),
        }

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - events say all
        """Check one batch."""
        known = (events["client_id"] != 0) | (events["family_id"] != 0)
        scopes = coded(events, np.flatnonzero(minted(events) & known), "scope")
        if not len(scopes.rows):
            return Findings.empty(self.type)
        words = word_keys(scopes.values)[scopes.codes]
        sensitive = scopes.which(lambda value: "*" in value or value in self.watched_scopes)
        new = self._new(events, scopes.rows, words, sensitive, state)
        beyond = _beyond(events, scopes.rows, words, sensitive, state)
        return Findings.of(self.type, np.concatenate([new, beyond]))

    def _new(self, events: Events, rows: Array, words: Array, sensitive: Array, state: State) -> Array:
        clients, times = events["client_id"][rows], events["order_time"][rows]
        pairs = paired(clients, words)
        since = known_since(cast("Table", state["clients"]), clients, times)
        seen = known_since(cast("Table", state["scopes"]), pairs, times)
        learned = (since != NULL_TIME) & (times - since > micros(self.learning))
        at = np.flatnonzero((clients != 0) & (seen == NULL_TIME) & (learned | sensitive))
        return report(
            events,
            rows[at],
            pairs[at],
            severity=np.where(sensitive[at], HIGH, LOW),
            confidence=np.where(learned[at], SURE, LIKELY),
            alert_class=np.where(sensitive[at], SENSITIVE, NEW),
        )


def _beyond(events: Events, rows: Array, words: Array, sensitive: Array, state: State) -> Array:
    """Give a finding on each event whose refresh got more than the grant of its family."""
    bits = np.uint64(1) << (words[:, np.newaxis] >> np.array([0, 6, 12], np.uint64) & np.uint64(63))
    at, row = np.unique(rows, return_inverse=True)
    said = np.zeros((len(at), _WORDS), np.uint64)
    np.bitwise_or.at(said, row, bits)
    refreshed = events["type"][at] == code(EventType.REFRESH)
    refreshed |= events["grant_type"][at] == code(GrantType.REFRESH_TOKEN)
    modes = np.where(refreshed, RENEW, ADD).astype(np.int8)
    grants = cast("Table", state["grants"])
    since, granted = recall(grants, events["family_id"][at], events["order_time"][at], said, modes)
    missing = ((bits & ~granted[row]) != 0).any(axis=1) & (refreshed & (since != NULL_TIME))[row]
    worst = np.zeros(len(at), np.int8)
    np.maximum.at(worst, row[missing], np.where(sensitive[missing], HIGH, MEDIUM).astype(np.int8))
    told = worst > 0
    severity = worst[told]
    return report(events, at[told], "family_id", severity=severity, confidence=LIKELY, alert_class=BEYOND)
