"""shared-token: a session that goes back and forth between two holders."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.acts import accepted
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.egress import MOST_SUBJECTS, began_table, egress_table, learn_users, own_network
from detectors.findings import HIGH, LIKELY, MEDIUM, SURE, Array, bare, report
from detectors.holders import holders
from detectors.lifecycle.places import differ, halves, joined, place_words
from detectors.recall import ASK, NOTE, NOTE_FIRST, known_since, notes_table, recall
from detectors.tables import Table
from detectors.texts import word_keys
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity

_MEMORY: Final = timedelta(days=60)
_TOKENS: Final = word_keys(["token"])[0]
"""Keeps tokens without a session apart from sessions of the same name."""
_OTHERS = (
    EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.VICTIM),
)
_METRICS = (Metric("asn", Unit.ASN), Metric("country", Unit.COUNTRY))
_ADVICE = (
    "Ask the user over another channel whether both places are theirs.",
    "End the session, and list what it reached from the other place.",
)


class SharedToken(Detector):
    """Finds sessions that are used from two places in turn.

    Claim:
        Two holders use one session or access token at the same time: its owner, and somebody with a copy.

    Why it matters:
        Malware and reverse proxies steal cookies and tokens after the sign-in, past every factor. Owner and thief then
        work side by side, and their events alternate. People move; they do not come and go with another browser.

    Fires when:
        Accepted events of a session come from its first network, then from another network with another device or UA
        family, then from the first again, twice within `window`: medium; high if the other network is in another
        country. Each further return adds to the episode. Tokens without a session are judged by their own id.

    Stays quiet when:
        Device and UA family agree or are unknown (roaming, VPN switched on); the session moves once and stays, or
        returns once (see holder-change); an event comes from a server of the client or from a learned egress (20 or
        more users in 24 h behind one address); the ASN is unknown.

    Blind spots:
        A thief in the victim's network, or with the victim's user agent where no device is logged. Sessions that begin
        behind an egress, until they are seen elsewhere. A thief who waits until the owner has left.

    Formula:
        home = holder of the first event; away: differ(ASN) and (differ(device) or differ(UA family)); return = event at
        home's ASN while the one before was away. Fires at the second return within `window` of the first.

    Parameters:
        `window`: how long a session's places are remembered.

    Example:
        >>> SharedToken().window
        datetime.timedelta(days=1)

    Next steps:
        Revoke the session and its refresh tokens. Bind tokens to a key (DPoP, mutual TLS).

    References:
        RFC 9700 section 4.10.1 (sender-constrained tokens). MITRE ATT&CK T1539, T1550.001.
    """

    type: ClassVar[str] = "shared-token"
    title: ClassVar[str] = "Session in two hands"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("session_id", "token_id")
    needs: ClassVar[tuple[str, ...]] = ("source_ip", "asn")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="shared-session",
            title="Session used from two places in turn",
            summary="A session of {user} alternates between its own network and {asn} ({country}).",
            severity=Severity.MEDIUM,
            entity=EntityField(EntityType.SESSION, "session_id", EntityRole.TARGET),
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1539", "T1550.001"),
            advice=_ADVICE,
            revoke="session",
        ),
        AlertClass(
            name="shared-access-token",
            title="Token used from two places in turn",
            summary="A token of {user} alternates between its own network and {asn} ({country}).",
            severity=Severity.MEDIUM,
            entity=EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET),
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1539", "T1550.001"),
            advice=_ADVICE,
            revoke="token",
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=12)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc9700#section-4.10.1",
        "https://attack.mitre.org/techniques/T1539/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "One session for a browser and an app: laptop and phone in turn",
        "A client that hands its token to a helper elsewhere",
    )

    window: timedelta = Field(
        timedelta(days=1), ge=timedelta(minutes=10), le=timedelta(days=7), description="Memory of places."
    )

    def new_state(self) -> State:
        """Give the empty state: home of each session, its last place while it moves, its returns; learned egress."""
        return {
            "homes": notes_table(2, micros(self.window)),
            "trips": notes_table(2, micros(self.window)),
            "returns": notes_table(1, micros(self.window)),
            "egress": egress_table(),
            "began": began_table(micros(_MEMORY)),
        }

    def learn(self, events: Events, watermark: int, state: State) -> None:  # noqa: ARG002 - no timers
        """Note who is seen behind each address."""
        learn_users(events, state, MOST_SUBJECTS)

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - events say all
        """Check one batch."""
        rows = _seen(events, cast("Table", state["egress"]))
        if not len(rows):
            return Findings.empty(self.type)
        session, times = events["session_id"][rows], events["order_time"][rows]
        keys = np.where(session != 0, session, events["token_id"][rows] ^ _TOKENS)
        here = _words(events, rows)
        modes = np.full(len(rows), NOTE_FIRST, np.int8)
        known, home = recall(cast("Table", state["homes"]), keys, times, here, modes)
        away = (known != NULL_TIME) & _elsewhere(home, here)
        at_home = (known != NULL_TIME) & (halves(home[:, 0])[0] == halves(here[:, 0])[0])
        notes = np.stack([np.where(away, events["event_key"][rows], np.uint64(0)), here[:, 0]], axis=1)
        back, trips = _returned(keys, times, notes, at_home, state)
        again = _again(keys[back], times[back], state)
        return self._told(events, rows[back[again]], home[back[again]], trips[again])

    def _told(self, events: Events, rows: Array, home: Array, trips: Array) -> Findings:
        """Report sessions that returned to `home` from `trips`, words of each row."""
        token = events["session_id"][rows] == 0
        abroad = differ(halves(home[:, 0])[1], halves(trips[:, 1])[1])
        findings = report(
            events,
            rows,
            np.where(token, events["token_id"][rows], events["session_id"][rows]),
            severity=np.where(abroad, HIGH, MEDIUM),
            confidence=np.where(abroad, SURE, LIKELY),
            alert_class=token.astype(np.int16),
            measured=bare(*halves(trips[:, 1])),
        )
        findings["related"][:, 0] = trips[:, 0]
        return Findings.of(self.type, findings)


def _seen(events: Events, egress: Table) -> Array:
    """Give the accepted events of users with a network of their own, by position."""
    named = (events["session_id"] != 0) | (events["token_id"] != 0)
    return own_network(events, np.flatnonzero(accepted(events) & named), egress)


def _words(events: Events, rows: Array) -> Array:
    """Give who presents the token of each row as two words: ASN and country, device and UA family; low half first."""
    holder = holders(events, rows)
    return np.stack([place_words(events, rows), joined(holder["device"], holder["agent"])], axis=1)


def _elsewhere(home: Array, here: Array) -> Array:
    """Tell where network, and device or UA family, are known not to be those of home, bool (m,)."""
    low, high = (differ(one, other) for one, other in zip(halves(home), halves(here), strict=True))
    found: Array = low[:, 0] & (low[:, 1] | high[:, 1])
    return found


def _returned(keys: Array, times: Array, notes: Array, at_home: Array, state: State) -> tuple[Array, Array]:
    """Give the positions of the rows at which a session comes home, and the note of where it was, and note all trips.

    Sessions that never went anywhere are not noted.
    """
    trips, away = cast("Table", state["trips"]), notes[:, 0] != 0
    before, _ = recall(trips, keys, times, notes, np.full(len(keys), ASK, np.int8))
    moving = (before != NULL_TIME) | np.isin(keys, keys[away])
    at = np.flatnonzero(away | (at_home & moving))
    _, last = recall(trips, keys[at], times[at], notes[at], np.full(len(at), NOTE, np.int8))
    back = (last[:, 0] != 0) & ~away[at]
    return at[back], last[back]


def _again(keys: Array, times: Array, state: State) -> Array:
    """Tell of each return of a session whether there was one before, bool (m,)."""
    found: Array = known_since(cast("Table", state["returns"]), keys, times) != NULL_TIME
    return found
