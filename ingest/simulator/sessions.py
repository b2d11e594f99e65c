"""The server's side: sessions, token families and the records an identity provider and its APIs write about them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from ingest.simulator.applications import Api, Application
from ingest.simulator.clock import Clock
from ingest.simulator.draws import Draws, mixed
from ingest.simulator.networks import Fields
from ingest.simulator.population import Device, User

Event = dict[str, Any]

SCOPES: Final = (["openid", "profile", "read"], ["openid", "read", "write"], ["read"])


class Strand:
    """One strand of events (the benign traffic, one attack): its draws, and ids that say nothing about the strand.

    While they travel through the simulator, events carry `time` as µs.
    """

    def __init__(self, seed: int, name: str) -> None:
        self.draws = Draws(seed, name)
        self.clock = Clock()
        self._base = int(self.draws.unit() * (1 << 24)) << 40
        self._count = 0

    def event(self, kind: str, time: int, *parts: Fields, **more: object) -> Event:
        """One event from parts; later parts win."""
        self._count += 1
        event: Event = {"event_id": f"{mixed(self._base + self._count):016x}", "type": kind, "time": time}
        for part in parts:
            event.update(part)
        event.update(more)
        return event


@dataclass(slots=True)
class Access:
    """An access token: when it expires (µs), and the fields an API logs about it."""

    token_id: str
    issued: int
    expires: int
    fields: Fields


class Session:
    """One login of one user in one application: at most one refresh family."""

    def __init__(self, strand: Strand, user: User, application: Application, api: Api, device: Device) -> None:
        self.strand, self.user, self.application, self.api, self.device = strand, user, application, api, device
        self.identity = {**application.fields(), "sub": user.sub, "sub_type": "user", "username": user.username}
        self.scope = strand.draws.pick(SCOPES)
        self.last_seen = 0
        self.busy_until = 0
        self.start_over()

    def start_over(self) -> None:
        """Forget all tokens: the next login begins another session and family."""
        draws = self.strand.draws
        self.family_id = f"fam-{draws.hex_id()}"
        self.session_id = f"ses-{draws.hex_id()}"
        self.refresh_id = f"rt-{draws.hex_id()}"
        self.grant = {"family_id": self.family_id, "session_id": self.session_id, "grant_id": f"gr-{draws.hex_id()}"}
        self.generation = 0
        self.spent: deque[str] = deque(maxlen=8)
        self.sibling: str | None = None
        self.access = Access("", 0, 0, {})

    def open(self, time: int, where: Fields) -> list[Event]:
        """Log in: one `issue` per token of the response."""
        style = self.application.style
        txn = {"txn_id": f"tx-{self.strand.draws.hex_id()}", "grant_type": style.grant, **self.grant}
        factors = ["pwd", "otp"] if self.user.mfa else ["pwd"]
        login = {**txn, "auth_time": self.strand.clock.text(time), "amr": factors, "generation": 0}
        events = [self._mint(time, where, login), self._issue_refresh(time, where, login)]
        if not style.opaque and style.grant != "password":
            events.append(self._issue_id(time, where, login))
        self.last_seen = time
        return events

    def rotate(self, time: int, where: Fields, parent: str | None = None) -> list[Event]:
        """Redeem a refresh token, the newest unless `parent` says which: `refresh` and an `issue` for the access token.

        A client whose server does not rotate keeps its token; a legacy server does not even say so.
        """
        style = self.application.style
        redeemed = parent or self.refresh_id
        txn = {"txn_id": f"tx-{self.strand.draws.hex_id()}", "grant_type": "refresh_token", **self.grant}
        change: Fields = {"parent_id": redeemed, "token_type": "refresh", "token_id_kind": "jti"}
        if style.rotates:
            self.spent.append(redeemed)
            self.generation += 1
            self.refresh_id = f"rt-{self.strand.draws.hex_id()}"
            change |= {"token_id": self.refresh_id, "generation": self.generation}
        elif style.kind != "legacy":
            change |= {"token_id": redeemed, "rotated": False}
        refresh = self.strand.event("refresh", time, self.identity, txn, change, where)
        self.last_seen = time
        events = [refresh, self._mint(time, where, {**txn, "generation": self.generation})]
        if style.logs_rotation:
            spent = {"token_id": redeemed, "token_id_kind": "jti", "token_type": "refresh"}
            ends = {"reason": "rotation", "revoke_scope": "token"}
            events.append(self.strand.event("revoke", time, self.identity, self.grant, spent, ends, where))
        return events

    def _mint(self, time: int, where: Fields, txn: Fields) -> Event:
        clock, style = self.strand.clock, self.application.style
        token_id = f"at-{self.strand.draws.hex_id()}"
        token: Fields = {
            "token_id": token_id,
            "token_id_kind": "hash" if style.opaque else "jti",
            "token_type": "access",
            "token_format": "opaque" if style.opaque else "jws",
            "aud": self.api.audience,
            "scope": self.scope,
            "exp": clock.text(time + style.access_life),
        }
        if not style.opaque:
            token |= {"key_id": self.api.key_at(time), "alg": "ES256"}
        if style.bound:
            token |= {"cnf": f"jkt-{self.device.device_id}", "auth_scheme": "dpop"}
        session = {"session_id": self.session_id}
        self.access = Access(token_id, time, time + style.access_life, {**self.identity, **token, **session})
        return self.strand.event("issue", time, self.identity, token, txn, where, iat=clock.text(time))

    def _issue_refresh(self, time: int, where: Fields, txn: Fields) -> Event:
        exp = self.strand.clock.text(time + self.application.style.idle_life)
        token = {"token_id": self.refresh_id, "token_id_kind": "jti", "token_type": "refresh", "exp": exp}
        return self.strand.event("issue", time, self.identity, token, txn, where)

    def _issue_id(self, time: int, where: Fields, txn: Fields) -> Event:
        token = {"token_id": f"id-{self.strand.draws.hex_id()}", "token_id_kind": "jti", "token_type": "id"}
        signed = {"token_format": "jws", "key_id": self.api.key_at(time), "alg": "ES256"}
        return self.strand.event("issue", time, self.identity, token, signed, txn, where)

    def usage(self, where: Fields) -> Fields:
        """Fields of every use of the current access token from one connection."""
        proof: Fields = {}
        if "cnf" in self.access.fields:  # a DPoP proof carries its key in the header
            proof = {"presented_cnf": self.access.fields["cnf"], "header_params": ["jwk"]}
        seen = {"operation": "verify", "outcome": "success", "resource_server": self.api.name}
        place = {"token_location": "header", "transport": "https"}
        return {**self.access.fields, **seen, **place, **proof, **where}

    def refused(self, time: int, where: Fields, reason: str, **more: object) -> Event:
        """The current access token is refused by its API."""
        return self.strand.event("verify-failure", time, self.access.fields, where, {"reason": reason}, **more)

    def replayed(self, time: int, where: Fields, token_id: str, generation: int) -> Event:
        """The server itself reports that a spent refresh token came back."""
        spent = {"token_id": token_id, "token_type": "refresh", "token_id_kind": "jti", "generation": generation}
        newest = {"latest_generation": self.generation, "grant_type": "refresh_token", "reason": "reused"}
        return self.strand.event("verify-failure", time, self.identity, self.grant, spent, newest, where)

    def revoked(self, time: int, where: Fields, reason: str, scope: str) -> Event:
        """The session, family or subject is revoked."""
        ends = {"reason": reason, "revoke_scope": scope}
        return self.strand.event("revoke", time, self.identity, self.grant, ends, where)
