"""Refresh reuse: a spent refresh token comes back, so that somebody may hold a copy."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.refresh.cards import CLASSES
from detectors.refresh.families import FAMILIES_TO_LEARN, clients_table, shared_table, tokens_table
from detectors.refresh.issuers import NOT_SINGLE_USE, REUSABLE, IssuerRule, policies
from detectors.refresh.presentations import presentations
from detectors.refresh.verdicts import Memory, Rules, follow
from detectors.tables import Table
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.vocabulary import EventType

_DAY: Final = timedelta(days=1)


class RefreshReuse(Detector):
    """Tells theft of refresh tokens from retries, by who holds a spent token that comes back and how late.

    Claim:
        A refresh token that rotates is spent by its first use. Whoever presents it again holds a copy: usually the
        same client that missed an answer, sometimes a thief, or the victim whom a thief has overtaken.

    Why it matters:
        Two parties cannot both be the rightful holder (RFC 9700, 4.14.2). Servers alert on every retry or miss reuse
        that races their own storage; who holds the copy and how far the family has moved on tell the two apart.

    Fires when:
        - a spent token is presented by other hands, even within the leeway: stolen-token, high; critical once both
          holders have redeemed tokens of the family since.
        - a spent token is presented after the leeway and only addresses can be compared: unattributed-reuse, medium.
        - the same hands present a token whose child was redeemed: client-replays, low; from `replay_depth`
          generations on, medium.
        - the same hands present a token whose child was never redeemed, within `lost_response`: lost-response, low;
          later: client-replays.
        - the server itself says `reused`: as above; client-replays is medium as soon as the child was redeemed, and low
          within the leeway; unattributed-reuse where the first use was not seen.
        - the issuer takes back spent tokens of `families_to_learn` families of a client, from the same hands and
          after the leeway: reusable-refresh-tokens, low, once.

    Stays quiet when:
        - the immediate parent comes back within the leeway from the same hands (or hands that nothing tells apart),
          at most `max_retries` times: tabs that race, retries of a lost answer.
        - the token was never spent: a lagging tab's sibling.
        - a child is seen before its parent: links decide, not arrival.
        - the server keeps its refresh tokens (`rotated` false), or they are reusable by `issuers` or by learning.
        - no redemption of the client ever named a token minted in its place, said `rotated` or was refused as `reused`:
          nothing shows that its tokens are spent by use.

    Blind spots:
        A thief on the victim's own device, or behind the same network with the same user agent where no device is
        logged. Theft without a second presentation. Issuers that neither rotate nor log the redeemed token, or that
        rotate and log neither the new one nor `rotated` (say `single_use` in `issuers`). Behind a back channel
        (`ip_role` server) only device and client are compared. Two descendants of one token that both
        live are followed along the older one. Tokens spent before the events begin look fresh.

    Formula:
        leeway = max(`leeway`, issuer's grace) + `clock_skew`, in seconds, from the first redemption, either way.
        Generations = redemptions along the token's own line before it came back, at most 100; where ids are absent,
        latest generation - own generation. Same hands: a proof-of-possession key decides where both show one; else
        client, country and device do not contradict, and the device is equal, or the user agent family is equal and
        so is ASN or address. Nulls are neither equal nor contradictory.

    Parameters:
        Durations are event time. `issuers` says what is known of products, issuers or clients; the first rule that
        fits decides.

    Example:
        >>> RefreshReuse(leeway=timedelta(seconds=20)).leeway.total_seconds()
        20.0

    Next steps:
        Revoke the family, compare both holders with the sign-in that began it, and list what was reached since.

    References:
        - RFC 9700, OAuth 2.0 Security Best Current Practice, 4.14 Refresh token protection
        - RFC 6819, OAuth 2.0 Threat Model, 5.2.2.3 Refresh token rotation
        - RFC 9449, DPoP, 5 Access token request (binding of refresh tokens)
        - MITRE ATT&CK T1550.001, Use alternate authentication material: application access token
        - MITRE ATT&CK T1528, Steal application access token
        - Auth0 documentation, Refresh token rotation; Okta documentation, Refresh token rotation, grace period
    """

    type: ClassVar[str] = "refresh-reuse"
    title: ClassVar[str] = "Refresh token reuse"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.REFRESH, EventType.VERIFY_FAILURE})
    keys: ClassVar[tuple[str, ...]] = ("family_id", "parent_id", "token_id", "client_id")
    needs: ClassVar[tuple[str, ...]] = ("parent_id",)
    classes: ClassVar[tuple[AlertClass, ...]] = CLASSES
    cool_down: ClassVar[timedelta] = timedelta(days=365)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc9700#section-4.14",
        "https://attack.mitre.org/techniques/T1550/001/",
        "https://attack.mitre.org/techniques/T1528/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A client that retries from another network and logs no device",
        "A token store that several machines share",
        "A user who restores a backup on another device",
    )

    leeway: timedelta = Field(
        timedelta(seconds=10),
        ge=timedelta(0),
        le=timedelta(minutes=10),
        description="After its first use the same hands may present a token again for this long, issuer's grace apart.",
    )
    clock_skew: timedelta = Field(
        timedelta(seconds=5), ge=timedelta(0), le=timedelta(minutes=5), description="Added to the leeway."
    )
    max_retries: int = Field(3, ge=0, le=100, description="Harmless presentations within the leeway.")
    lost_response: timedelta = Field(
        _DAY, ge=timedelta(0), le=30 * _DAY, description="How late a client may come back for a lost answer."
    )
    replay_depth: int = Field(3, ge=2, le=50, description="Generations from which a client's replay is medium.")
    families_to_learn: int = Field(
        3, ge=1, le=FAMILIES_TO_LEARN, description="Families that show that a client's tokens are reusable."
    )
    memory: timedelta = Field(
        90 * _DAY, ge=_DAY, le=400 * _DAY, description="How long a spent token is remembered after it was last seen."
    )
    issuers: tuple[IssuerRule, ...] = Field(
        (
            IssuerRule(source="okta", grace=timedelta(seconds=30)),
            *(IssuerRule(source=name, single_use=False) for name in NOT_SINGLE_USE),
        ),
        description="What is known of products, issuers and clients.",
        examples=[(), (IssuerRule(iss="https://id.acme", single_use=True, grace=timedelta(minutes=1)),)],
    )

    def new_state(self) -> State:
        """Give the empty state: a row for each spent token, each family in two hands, each client that is learned."""
        ttl = micros(self.memory)
        return {"tokens": tokens_table(ttl), "shared": shared_table(ttl), "clients": clients_table(ttl)}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Follow the presentations of one batch."""
        seen = presentations(events)
        policy, grace = policies(self.issuers, events, seen["row"])
        seen["policy"] = policy
        seen["leeway"] = np.maximum(grace, micros(self.leeway)) + micros(self.clock_skew)
        seen = seen[policy != REUSABLE]
        if not len(seen):
            return Findings.empty(self.type)
        out = np.zeros(len(seen), FINDING)
        now, more = int(seen["now"][0]), len(seen)
        tokens, shared, clients = (cast("Table", state[name]) for name in ("tokens", "shared", "clients"))
        memory = Memory(tokens.view(2 * more, now), shared.view(more, now), clients.view(more, now))
        rules = Rules(self.max_retries, micros(self.lost_response), self.replay_depth, self.families_to_learn)
        return Findings.of(self.type, out[: follow(seen, memory, rules, out)])
