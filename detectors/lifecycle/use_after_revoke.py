"""use-after-revoke: a token that works although it was revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.acts import used
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.findings import HIGH, INFORMATIONAL, LIKELY, LOW, SURE, Array, report
from detectors.lifecycle.revocations import KEY, SCOPES, SESSION, SUBJECT, TOKEN, covering
from detectors.recall import notes_table
from detectors.texts import among
from detectors.tokens import same_hands
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import (
    EntityRole,
    EntityType,
    EventType,
    Reason,
    Severity,
    TokenFormat,
    TokenType,
    code,
)

USED, REFRESHED, OUTLIVED = range(3)
"""Positions in `classes`."""
_TOKEN = EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET)
_FAMILY = EntityField(EntityType.FAMILY, "family_id", EntityRole.TARGET)
_OTHERS = (
    EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)
_METRICS = (Metric("since", Unit.SECONDS),)
_LOOKED_UP: Final = [code(TokenType.REFRESH), code(TokenType.API_KEY), code(TokenType.SESSION)]
_REFRESH: Final = code(EventType.REFRESH)
_INCIDENTS: Final = [code(reason) for reason in (Reason.ADMIN, Reason.REUSE_DETECTED, Reason.COMPROMISE)]


class UseAfterRevoke(Detector):
    """Finds tokens that are accepted after their revocation.

    Claim:
        A server does not know, or does not ask, whether the token was revoked.

    Why it matters:
        Revocation is how an incident is contained. A token that survives it is in the hands of whoever took it.

    Fires when:
        After a revocation took effect, and more than `skew` later: the revoked token itself is used, or one that its
        server must look up (opaque, refresh, api-key, session), or one signed with a revoked key: high. A refresh
        succeeds: high, but low after a password change of the subject, which many issuers log without ending the
        families of other clients, and low by the hands it was issued to after the mere end of a session. A
        self-contained access token of a revoked family, session, grant, subject or client is used: informational, low
        if the reason was an incident; high at a server in `access_revocation`.

    Stays quiet when:
        The token was issued after the revocation: who signs in anew has a new session. When it was issued is unknown
        and the revocation covers a subject, client or grant, whose ids come back. The reason is `rotation`: spent
        refresh tokens are the matter of refresh-reuse. The key was enabled again. A client in `offline_clients`
        refreshes after the end of the session.

    Blind spots:
        A thief whose family survives the password change raises a low alert only; so does one on the victim's own
        device after a logout. Issuers that do not log revocations;
        uses ordered before the revocation that covers them; uses without a token id; revocations older than `memory`.

    Formula:
        since = time - effective_at, s; fires when since > skew and the token was issued before effective_at.

    Parameters:
        `skew`: calls in flight, clocks, and caches of what introspection said (RFC 7662 section 4). `memory`: how long
        revocations are known.
        `access_revocation`: resource servers that ask for every call. `offline_clients`: clients whose refresh tokens
        outlive the session.

    Example:
        >>> UseAfterRevoke(access_revocation={"payments"}).access_revocation
        frozenset({'payments'})

    Next steps:
        Compare the holder with the one before the revocation. Make the server refuse the token: introspection, shorter
        lives, removal of the key.

    References:
        RFC 7009 (token revocation). RFC 7662 section 4 (cached introspection). RFC 9700 section 4.14.2 (refresh
        tokens). OpenID Connect Core 1.0 section 11
        (offline access). MITRE ATT&CK T1550.001.
    """

    type: ClassVar[str] = "use-after-revoke"
    title: ClassVar[str] = "Token used after its revocation"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.REVOKE, EventType.KEY_USE, EventType.REFRESH})
    keys: ClassVar[tuple[str, ...]] = ("parent_id", *(column for _, column in SCOPES))
    needs: ClassVar[tuple[str, ...]] = ("revoke_scope", "token_id", "issued_at")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="revoked-token-used",
            title="Revoked token accepted",
            summary="A token of {user} was accepted {since} after its revocation.",
            severity=Severity.HIGH,
            entity=_TOKEN,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=(
                "Ask the owner of the resource server why it accepts the token: a cache, or no check at all.",
                "Compare device and network with those before the revocation, and list what was reached since.",
            ),
            revoke="token",
        ),
        AlertClass(
            name="refreshed-after-revocation",
            title="Refresh succeeded after the revocation",
            summary="A refresh token of {user} in {client} was redeemed {since} after its revocation.",
            severity=Severity.HIGH,
            entity=_FAMILY,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001", "T1528"),
            advice=(
                "Revoke the family at the issuer again, and check that it took effect.",
                "If the client may refresh without a session, name it in `offline_clients`.",
            ),
            revoke="family",
        ),
        AlertClass(
            name="outlives-revocation",
            title="Access token in use until its expiry",
            summary="A self-contained token of {user} is still in use {since} after the revocation.",
            severity=Severity.INFORMATIONAL,
            entity=_TOKEN,
            others=_OTHERS,
            metrics=_METRICS,
            attack=("T1550.001",),
            advice=("After an incident: have the resource servers ask for revocations, or wait for `exp`.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=12)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc7009",
        "https://attack.mitre.org/techniques/T1550/001/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "Resource servers that cache introspection for longer than `skew`",
        "Issuers whose refresh tokens outlive the session by design: set `offline_clients`",
        "An API key that was disabled and enabled again",
    )

    skew: timedelta = Field(
        timedelta(minutes=1), ge=timedelta(0), le=timedelta(hours=1), description="Tolerated after the revocation."
    )
    memory: timedelta = Field(
        timedelta(days=30), ge=timedelta(days=1), le=timedelta(days=90), description="How long revocations are known."
    )
    access_revocation: frozenset[str] = Field(
        frozenset(),
        description="Resource servers that ask for revocations at every call.",
        examples=[frozenset({"payments"})],
    )
    offline_clients: frozenset[str] = Field(
        frozenset(),
        description="Ids of clients whose refresh tokens outlive the session.",
        examples=[frozenset({"app-acme-0"})],
    )

    def new_state(self) -> State:
        """Give the empty state: the revocations of each scope."""
        return {scope.value: notes_table(3, micros(self.memory)) for scope, _ in SCOPES}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        presented = used(events) & (events["token_id"] != 0)
        refreshed = (events["type"] == _REFRESH) & (events["parent_id"] != 0)
        covers = covering(events, presented | refreshed, micros(self.skew), state)
        rows = covers["row"]
        exempt = (covers["scope"] == SESSION) & refreshed[rows]
        exempt &= among(events, rows, "client_id", self.offline_clients)
        return Findings.of(self.type, self._findings(events, covers[~exempt]))

    def _findings(self, events: Events, covers: Array) -> Array:
        rows = covers["row"]
        kept = np.isin(covers["scope"], (TOKEN, KEY))
        kept |= np.isin(events["token_type"][rows], _LOOKED_UP)
        kept |= events["token_format"][rows] == code(TokenFormat.OPAQUE)
        kept |= among(events, rows, "resource_server", self.access_revocation)
        refreshed = events["type"][rows] == _REFRESH
        said = np.select([refreshed, kept], [REFRESHED, USED], OUTLIVED)
        findings = report(
            events,
            rows,
            "token_id",
            severity=_severity(covers, said, same_hands(events, rows)),
            confidence=np.where(said == USED, LIKELY, SURE),
            alert_class=said,
            measured=[((events["time"][rows] - covers["effective"]) / 1e6, self.skew.total_seconds())],
        )
        family, parent = events["family_id"][rows], events["parent_id"][rows]
        findings["entity"] = np.where(refreshed, np.where(family != 0, family, parent), findings["entity"])
        findings["related"][:, 0] = covers["event"]
        return findings


def _severity(covers: Array, said: Array, own: Array) -> Array:
    """Give the severity of each covered row, (m,); `own`: whether the hands are those of the issue."""
    incident = np.isin(covers["reason"], _INCIDENTS)
    spared = (covers["scope"] == SUBJECT) & (covers["reason"] == code(Reason.PASSWORD_CHANGE))
    spared |= (covers["scope"] == SESSION) & own & ~incident
    outlived = np.where(incident, LOW, INFORMATIONAL)
    severity: Array = np.select([said == OUTLIVED, spared & (said == REFRESHED)], [outlived, LOW], HIGH)
    return severity
