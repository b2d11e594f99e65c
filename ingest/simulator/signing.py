"""The key service behind the identity provider: signatures, successors of keys, and the work of its administrators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.simulator.applications import MAIN_ISSUER, Api
from ingest.simulator.clock import HOUR, MINUTE, activity
from ingest.simulator.machines import Service
from ingest.simulator.networks import Fields
from ingest.simulator.sessions import Event, Strand
from ingest.simulator.world import World

ADMINISTRATORS: Final = ("svc-terraform", "key-admin-1", "key-admin-2")
"""Who manages keys, and is known to."""
ADMINISTRATION: Final = 8 * HOUR
READING: Final = 12 * HOUR


def secret_of(service: Service) -> str:
    """Key id of the secret that a service reads when it starts."""
    return f"secret-{service.client_id}"


class KeyService:
    """What the log of the key service says: who signs, who manages keys, who reads secrets."""

    def __init__(self, world: World) -> None:
        self._strand = Strand(world.seed, "keys")
        self._administration = Strand(world.seed, "administration")
        where = world.whereabouts.server(1)
        self._apis = world.catalogue.apis
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

    def administration(self, start: int) -> Iterator[Event]:
        """Endless work of the administrators, in their hours: keys made, opened to applications, and taken away."""
        draws, time = self._administration.draws, start
        while True:
            time += int(draws.exponential(ADMINISTRATION))
            if not draws.chance(activity(time, 1)):
                continue
            who = draws.pick(ADMINISTRATORS)
            done = {"sub": who, "sub_type": "service" if who.startswith("svc") else "user", "client_id": "key-console"}
            retired = draws.pick(self._apis).key_at(time - 60 * 24 * HOUR)
            fresh = f"cmk-{draws.hex_id()}"
            for key, operation in (
                (fresh, "create"),
                (fresh, "policy-change"),
                (retired, "disable"),
                (fresh, "import"),
            ):
                if draws.chance(0.6):
                    yield self._operation(time, done, operation, key)
                    time += int(draws.between(0.2, 3) * MINUTE)

    def readings(self, service: Service, start: int) -> Iterator[Event]:
        """Endless starts of a service, each of which reads its secret."""
        draws = self._administration.draws
        time = start + int(draws.unit() * READING)
        caller = {"sub": service.client_id, "sub_type": "service", "client_id": service.client_id, **service.where}
        while True:
            yield self._operation(time, caller, "read-secret", secret_of(service))
            time += int(draws.between(0.5, 1.5) * READING)

    def _operation(self, time: int, caller: Fields, operation: str, key: str) -> Event:
        done = {"operation": operation, "outcome": "success", "key_id": key}
        return self._administration.event("key-use", time, self._fields, caller, done)
