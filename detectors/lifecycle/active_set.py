"""active-set: more live sessions of one user at one client than people have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final, TypeAlias

import numpy as np
from pydantic import Field

from detectors.acts import minted
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit
from detectors.findings import HIGH, LIKELY, MEDIUM, SURE, Array, report
from detectors.lifecycle.live_families import DAY, MOST_DAYS, Steps, count_families, families_table, owners_table
from detectors.recall import paired
from detectors.views import Views
from detectors.windows import Window
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Reason, Severity, TokenType, code

MANY, BURST, CAPPED = range(3)
"""Positions in `classes`."""
_HOUR: Final = DAY // 24
Measured: TypeAlias = Sequence[tuple[Array, float]]
_USER = EntityField(EntityType.USER, "sub", EntityRole.VICTIM)
_OTHERS = (
    EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
_ADVICE = (
    "See where the sign-ins came from, and whether one address or device opened them all.",
    "End all sessions of the user at the client, unless a script of theirs signs in anew each time.",
)


class ActiveSet(Detector):
    """Finds users with very many live sessions at one client.

    Claim:
        Somebody opens session after session in a user's name and keeps them.

    Why it matters:
        Each refresh token family is access of its own that survives the others' revocation. Issuers cap the families of
        a user at a client and silently drop the oldest: an attacker who fills the cap signs the user out and stays.

    Fires when:
        A user opens a family at a client at which `warn_at` families of theirs live: medium; `high_at`: high; `burst`
        of them issued within an hour: high. The issuer revokes a token because of its cap: high.

    Stays quiet when:
        Families end: by revocation that names the family (rotation of a token and revocation of access tokens do not
        end it), or after `idle_days` without a refresh.

    Blind spots:
        Issuers that log no family. Revocations of everything of a user or client, which do not name each family. The
        clients of one user are counted apart.

    Formula:
        live = families of (sub, client) with an issue or refresh within `idle_days`, counted by UTC days, not revoked.

    Parameters:
        `warn_at`, `high_at`: live families. `burst`: families issued in an hour. `idle_days`: days after which a silent
        family counts as dead.

    Example:
        >>> ActiveSet().high_at
        200

    Next steps:
        Find what opens the sessions. If nobody knows, change the user's credentials and end all sessions.

    References:
        RFC 9700 section 4.14.2 (protection of refresh tokens). RFC 7009 section 2.1. MITRE ATT&CK T1528, T1078.
    """

    type: ClassVar[str] = "active-set"
    title: ClassVar[str] = "Very many live sessions"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.REVOKE})
    keys: ClassVar[tuple[str, ...]] = ("sub", "client_id", "family_id")
    needs: ClassVar[tuple[str, ...]] = ("sub", "client_id", "family_id")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="many-live-families",
            title="Very many live sessions",
            summary="{user} has {families} live token families at {client}.",
            severity=Severity.MEDIUM,
            entity=_USER,
            others=_OTHERS,
            metrics=(Metric("families", Unit.COUNT),),
            attack=("T1528",),
            advice=_ADVICE,
        ),
        AlertClass(
            name="burst-of-families",
            title="Very many sessions opened in an hour",
            summary="{families} token families of {user} were issued to {client} within an hour.",
            severity=Severity.HIGH,
            entity=_USER,
            others=_OTHERS,
            metrics=(Metric("families", Unit.COUNT),),
            attack=("T1528", "T1078"),
            advice=_ADVICE,
        ),
        AlertClass(
            name="cap-reached",
            title="Issuer dropped tokens: its cap is reached",
            summary="The issuer revoked tokens of {user} at {client}, since they had too many.",
            severity=Severity.HIGH,
            entity=_USER,
            others=_OTHERS,
            attack=("T1528",),
            advice=_ADVICE,
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
        "https://attack.mitre.org/techniques/T1528/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A script or test that signs in anew for each run and never signs out",
        "An account that many people share",
    )

    warn_at: int = Field(160, ge=10, le=100_000, description="Live families that are medium.")
    high_at: int = Field(200, ge=10, le=100_000, description="Live families that are high.")
    burst: int = Field(50, ge=10, le=1_000, description="Families issued in an hour that are high.")
    idle_days: int = Field(14, ge=1, le=MOST_DAYS, description="Days until a silent family counts as dead.")

    def new_state(self) -> State:
        """Give the empty state: families, what their owners have, and what was issued in the last hour."""
        return {
            "families": families_table(self.idle_days),
            "owners": owners_table(self.idle_days),
            "opened": Window(_HOUR),
        }

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - events say all
        """Check one batch."""
        owners, ends = paired(events["sub"], events["client_id"]), _ends(events)
        rows = np.flatnonzero((minted(events) | ends) & (events["family_id"] != 0))
        counts = self._counts(events, rows, owners[rows], ends[rows], state)
        many = self._many(events, rows, owners[rows], counts[:, 0])
        at = np.flatnonzero(counts[:, 1] >= self.burst)
        burst = _high(events, rows[at], owners, BURST, [(counts[at, 1], self.burst)])
        capped = (events["type"] == code(EventType.REVOKE)) & (events["reason"] == code(Reason.CAP)) & (owners != 0)
        dropped = _high(events, np.flatnonzero(capped), owners, CAPPED, [])
        return Findings.of(self.type, np.concatenate([many, burst, dropped]))

    def _many(self, events: Events, rows: Array, owners: Array, live: Array) -> Array:
        """Report the rows that open one family too many."""
        at = np.flatnonzero(live >= min(self.warn_at, self.high_at))
        high = live[at] >= self.high_at
        return report(
            events,
            rows[at],
            owners[at],
            severity=np.where(high, HIGH, MEDIUM),
            confidence=LIKELY,
            alert_class=MANY,
            measured=[(live[at], np.where(high, self.high_at, self.warn_at))],
        )

    def _counts(self, events: Events, rows: Array, owners: Array, ends: Array, state: State) -> Array:
        """Give the live families, and those issued within the hour, where a row opens a family; else 0, (m, 2)."""
        counts = np.zeros((len(rows), 2), np.int64)
        if len(rows):
            times = events["order_time"][rows]
            views, issues = Views(state, int(times[0])), events["type"][rows] == code(EventType.ISSUE)
            families, held = (views.table(name, len(rows)) for name in ("families", "owners"))
            opened = views.window("opened", len(rows))
            steps = Steps(events["family_id"][rows], owners, times, ends, issues)
            count_families(families, held, opened, steps, self.idle_days, counts)
        return counts


def _high(events: Events, rows: Array, owners: Array, alert_class: int, measured: Measured) -> Array:
    confidence = SURE if alert_class == CAPPED else LIKELY
    return report(
        events,
        rows,
        owners[rows],
        severity=HIGH,
        confidence=confidence,
        alert_class=alert_class,
        measured=measured,
    )


def _ends(events: Events) -> Array:
    """Tell of each event whether it ends its family, bool (n,)."""
    goes_on = (events["reason"] == code(Reason.ROTATION)) | (events["token_type"] == code(TokenType.ACCESS))
    found: Array = (events["type"] == code(EventType.REVOKE)) & ~goes_on
    return found
