"""The key service behind the identity provider: signatures, and successors of keys."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.simulator.applications import MAIN_ISSUER, Api
from ingest.simulator.networks import Fields
from ingest.simulator.sessions import Event, Strand
from ingest.simulator.world import World


class KeyService:
    """What the log of the key service says. Its only caller is the identity provider."""

    def __init__(self, world: World) -> None:
        self._strand = Strand(world.seed, "keys")
        where = world.whereabouts.server(1)
        caller = {"sub": "svc-identity", "sub_type": "service", "client_id": "svc-identity"}
        self._fields: Fields = {"tenant": "acme", "iss": MAIN_ISSUER, "source": "kms", **caller, **where}

    def signature(self, issue: Event) -> Event:
        """The `sign` behind the `issue` of a signed token."""
        token = {field: issue[field] for field in ("key_id", "alg", "token_id", "token_id_kind")}
        done = {"operation": "sign", "outcome": "success", "key_use": "sig"}
        return self._strand.event("key-use", issue["time"], self._fields, token, done)

    def rotations(self, api: Api, start: int) -> Iterator[Event]:
        """Endless successions of one API's signing key from `start` (µs)."""
        time = start
        while True:
            time = api.next_rotation(time)
            done = {"operation": "rotate", "outcome": "success", "key_use": "sig", "alg": "ES256"}
            yield self._strand.event("key-use", time, self._fields, done, key_id=api.key_at(time))
