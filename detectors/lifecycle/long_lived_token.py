"""long-lived-token: tokens that live longer than they should."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.acts import minted
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.findings import LOW, MEDIUM, NO_CLASS, SURE, Array, report
from detectors.recall import RAISE, notes_table, paired, recall
from detectors.tables import Table
from detectors.texts import coded, word_keys
from detectors.tokens import token_types
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity, TokenType, code

ACCESS, REFRESH, API_KEY, ENDLESS = range(4)
"""Positions in `classes`."""
SLACK: Final = timedelta(minutes=5)
"""What issuers add for clocks that differ."""
HARMFUL: Final = timedelta(hours=24)
"""An access token that lives longer is as good as a refresh token."""
MEMORY: Final = timedelta(days=90)
_STEP: Final = micros(timedelta(hours=1))
_FOREVER: Final = int(np.iinfo(np.int64).max)
_CODES: Final = {ACCESS: code(TokenType.ACCESS), REFRESH: code(TokenType.REFRESH), API_KEY: code(TokenType.API_KEY)}
_CLASS_OF: Final = np.full(len(TokenType) + 1, NO_CLASS)
"""By code of the type; the last is null's."""
_CLASS_OF[list(_CODES.values())] = list(_CODES)
_SALTS: Final = word_keys(list(TokenType))
_CLIENT = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_OTHERS = (EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET),)
_METRICS = (Metric("lifetime", Unit.SECONDS),)


class LongLivedToken(Detector):
    """Finds clients whose tokens live too long.

    Claim:
        The issuer's settings for a client leave a stolen token useful for long.

    Why it matters:
        Resource servers take a self-contained token until `exp`, whatever happens to its session meanwhile. RFC 6750
        section 5.3 wants bearer tokens of an hour or less.

    Fires when:
        A client gets a token that lives longer than `access_life`, `refresh_life` or `api_key_life` and five minutes:
        low; an access token of more than 24 hours, or without expiry: medium. Once for each client and type of token,
        and again when the lifetime grows by an hour or more.

    Stays quiet when:
        The event says no `exp` and does not list the token's claims either, so that nobody knows whether there is one.
        ID tokens, sessions and tokens of unknown type.

    Blind spots:
        Issuers that log no `exp`. Refresh tokens that are extended with each use: only `exp` is looked at. Opaque
        tokens that never expire.

    Formula:
        lifetime = exp - iat, s; time of the event where there is no iat. Without expiry: `claims` without `exp`.

    Parameters:
        `access_life`, `refresh_life`, `api_key_life`: the longest lifetime that is fine, for each type of token.

    Example:
        >>> LongLivedToken().refresh_life
        datetime.timedelta(days=30)

    Next steps:
        Shorten the lifetime in the issuer's settings of the client. Where a long life is needed, bind the tokens to a
        key (DPoP, mutual TLS).

    References:
        RFC 6750 section 5.3. RFC 9700 section 4.14.2 (refresh tokens). RFC 9068 section 2.2 (`exp` is required). MITRE
        ATT&CK T1550.001.
    """

    type: ClassVar[str] = "long-lived-token"
    title: ClassVar[str] = "Token lives too long"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH})
    keys: ClassVar[tuple[str, ...]] = ("client_id",)
    needs: ClassVar[tuple[str, ...]] = ("client_id", "exp", "token_type")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="long-lived-access-token",
            title="Access tokens live too long",
            summary="Access tokens of {client} live for {lifetime}.",
            severity=Severity.LOW,
            entity=_CLIENT,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=("Shorten the lifetime, and let the client refresh.",),
        ),
        AlertClass(
            name="long-lived-refresh-token",
            title="Refresh tokens live too long",
            summary="Refresh tokens of {client} live for {lifetime}.",
            severity=Severity.LOW,
            entity=_CLIENT,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=("Let refresh tokens expire when the client has not used them for some time.",),
        ),
        AlertClass(
            name="long-lived-api-key",
            title="API keys live too long",
            summary="API keys of {client} live for {lifetime}.",
            severity=Severity.LOW,
            entity=_CLIENT,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=("Replace the keys regularly, by a job rather than by hand.",),
        ),
        AlertClass(
            name="access-token-without-expiry",
            title="Access tokens never expire",
            summary="Access tokens of {client} have no expiry.",
            severity=Severity.MEDIUM,
            entity=_CLIENT,
            others=_OTHERS,
            attack=("T1550.001",),
            advice=("Give the tokens an `exp`: a copy of one works for ever.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc6750#section-5.3",
        "https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2",
    )
    false_positives: ClassVar[tuple[str, ...]] = ("A client that works offline for weeks: raise the limit",)

    access_life: timedelta = Field(
        timedelta(hours=1), ge=timedelta(minutes=1), le=timedelta(days=1), description="For access tokens."
    )
    refresh_life: timedelta = Field(
        timedelta(days=30), ge=timedelta(hours=1), le=timedelta(days=400), description="For refresh tokens."
    )
    api_key_life: timedelta = Field(
        timedelta(days=90), ge=timedelta(hours=1), le=timedelta(days=1000), description="For API keys."
    )

    def new_state(self) -> State:
        """Give the empty state: the longest lifetime of each client's tokens of each type, in whole hours."""
        return {"longest": notes_table(1, micros(MEMORY))}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - events say all
        """Check one batch."""
        types = token_types(events)
        rows = np.flatnonzero(minted(events) & (_CLASS_OF[types] != NO_CLASS) & (events["client_id"] != 0))
        said, lives = _CLASS_OF[types[rows]], _lifetimes(events, rows)
        lives[_endless(events, rows[said == ACCESS], rows)] = _FOREVER
        long = lives > self._limits()[said] + micros(SLACK)
        rows, said, lives = rows[long], said[long], lives[long]
        keys = paired(events["client_id"][rows], _SALTS[types[rows]])
        grown = _grown(events["order_time"][rows], keys, lives, state)
        rows, keys, lives = rows[grown], keys[grown], lives[grown]
        said = np.where(lives == _FOREVER, ENDLESS, said[grown])
        bad = (said == ENDLESS) | ((said == ACCESS) & (lives > micros(HARMFUL)))
        known = np.where(said == ENDLESS, np.nan, lives / 1e6)
        limits = np.where(said == ENDLESS, np.nan, self._limits()[np.minimum(said, API_KEY)] / 1e6)
        severity = np.where(bad, MEDIUM, LOW)
        findings = report(
            events, rows, keys, severity=severity, confidence=SURE, alert_class=said, measured=[(known, limits)]
        )
        return Findings.of(self.type, findings)

    def _limits(self) -> Array:
        """Give the longest lifetime that is fine, µs, by class."""
        return np.array([micros(life) for life in (self.access_life, self.refresh_life, self.api_key_life)])


def _lifetimes(events: Events, rows: Array) -> Array:
    """Give the lifetime of the token of each of some rows, µs, 0 where it is not known, (m,)."""
    iat, exp = events["iat"][rows], events["exp"][rows]
    lives: Array = np.where(exp == NULL_TIME, 0, exp - np.where(iat == NULL_TIME, events["time"][rows], iat))
    return lives


def _endless(events: Events, access: Array, rows: Array) -> Array:
    """Tell of each of some rows whether it gives out an access token whose claims are known and have no `exp`, (m,)."""
    claims = coded(events, access[events["exp"][access] == NULL_TIME], "claims")
    listed, ending = claims.rows, claims.rows[claims.which(lambda value: value == "exp")]
    found: Array = np.isin(rows, np.setdiff1d(listed, ending))
    return found


def _grown(times: Array, keys: Array, lives: Array, state: State) -> Array:
    """Tell of each lifetime whether it is by an hour longer than all before it, and remember the longest, (m,)."""
    steps = (lives // _STEP + 1).astype(np.uint64)[:, np.newaxis]
    modes = np.full(len(keys), RAISE, np.int8)
    _, noted = recall(cast("Table", state["longest"]), keys, times, steps, modes)
    found: Array = (steps > noted)[:, 0]
    return found
