"""Benign traffic of machines: services with client credentials or API keys, each at its own pace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.simulator.applications import MAIN_ISSUER, Api, Catalogue
from ingest.simulator.clock import HOUR, MINUTE, SECOND, activity
from ingest.simulator.draws import Traits
from ingest.simulator.networks import Fields
from ingest.simulator.population import USER_EXPONENT, make_device
from ingest.simulator.sessions import Event, Strand
from ingest.simulator.whereabouts import Whereabouts

TOKEN_LIFE: Final = 1 * HOUR
RENEWAL_SLIP: Final = 0.02
STALE_SECRET: Final = 0.0005
BATCH: Final = 40


@dataclass(frozen=True, slots=True)
class Service:
    """A machine client. `pace` is its mean gap between calls, µs."""

    client_id: str
    number: int
    api: Api
    pace: float
    habit: str
    api_key: str | None
    where: Fields

    def fields(self) -> Fields:
        """Event fields every record of this service carries."""
        return {
            "tenant": "acme",
            "iss": MAIN_ISSUER,
            "source": "acme-idp",
            "sub": self.client_id,
            "sub_type": "service",
            "client_id": self.client_id,
            "client_type": "confidential",
        }

    def grant(self, strand: Strand, time: int) -> tuple[Fields, Event]:
        """Client credentials: the fields of a new access token, and its `issue`."""
        token = {
            "token_id": f"at-{strand.draws.hex_id()}",
            "token_id_kind": "jti",
            "token_type": "access",
            "token_format": "jws",
            "key_id": self.api.key_at(time),
            "alg": "ES256",
            "aud": self.api.audience,
            "scope": ["read", "write"],
            "exp": strand.clock.text(time + TOKEN_LIFE),
        }
        grant = {"grant_type": "client_credentials", "txn_id": f"tx-{strand.draws.hex_id()}"}
        return token, strand.event("issue", time, self.fields(), token, grant, self.where)

    def usage(self, token: Fields) -> Fields:
        """Fields of every use of an access token."""
        seen = {"operation": "verify", "outcome": "success", "resource_server": self.api.name}
        return {**self.fields(), **token, **seen, **self.where}

    def key_usage(self) -> Fields:
        """Fields of every use of the API key."""
        key = {"token_id": self.api_key, "token_id_kind": "vendor", "token_type": "api-key", "token_format": "opaque"}
        seen = {"key_id": self.api_key, "operation": "authenticate", "outcome": "success"}
        return {**self.fields(), **key, **seen, "resource_server": self.api.name, **self.where}


def draw_services(seed: int, catalogue: Catalogue, whereabouts: Whereabouts, rate: float, size: int) -> list[Service]:
    """Services whose calls add up to `rate` events per second, Zipf by rank."""
    shares = np.arange(1, size + 1, dtype=np.float64) ** -USER_EXPONENT
    rates = rate * shares / shares.sum()
    return [_draw(seed, catalogue, whereabouts, number, SECOND / float(own)) for number, own in enumerate(rates)]


def _draw(seed: int, catalogue: Catalogue, whereabouts: Whereabouts, number: int, pace: float) -> Service:
    traits = Traits(seed, "service", number)
    api = catalogue.apis[traits.ranked(catalogue.demand)]
    habit = traits.pick(("steady", "daily", "batch"))
    api_key = f"ak-{traits.hex_id()}" if traits.chance(0.35) else None
    where = {**whereabouts.server(1000 + number), "user_agent": make_device(traits, "tool").user_agent}
    return Service(f"svc-{api.name}-{number:03d}", number, api, pace, habit, api_key, where)


class Machines:
    """The services at work, for ever."""

    def __init__(self, strand: Strand) -> None:
        self.strand = strand

    def work(self, service: Service, start: int) -> Iterator[Event]:
        """Endless events of one service from `start` (µs)."""
        if service.api_key is not None:
            fields = service.key_usage()
            return (self.strand.event("key-use", time, fields) for time in self._moments(service, start))
        return self._with_tokens(service, start)

    def _with_tokens(self, service: Service, start: int) -> Iterator[Event]:
        """Mostly renews in time; now and then uses an expired token for a while, or has lost its secret."""
        fields: Fields = {}
        expires = renewal = busy = 0
        for moment in self._moments(service, start):
            if moment < busy:
                continue
            time = moment
            if time >= renewal:
                for event in self._locked_out(service, time):
                    time = busy = event["time"]
                    yield event
                token, issue = service.grant(self.strand, time)
                fields, expires = service.usage(token), time + TOKEN_LIFE
                renewal = expires + (20 * SECOND if self.strand.draws.chance(RENEWAL_SLIP) else -MINUTE)
                yield issue
            if time < expires:
                yield self.strand.event("key-use", time, fields)
            else:
                yield self.strand.event("verify-failure", time, fields, {"reason": "expired"})

    def _locked_out(self, service: Service, time: int) -> Iterator[Event]:
        """Its secret was changed: the service retries at its steady pace until somebody notices."""
        draws = self.strand.draws
        if not draws.chance(STALE_SECRET):
            return
        fixed = time + int(draws.between(8, 40) * MINUTE)
        gap = draws.between(10, 60) * SECOND
        fields = {key: value for key, value in service.fields().items() if key not in {"sub", "sub_type"}}
        attempt = {**fields, "grant_type": "client_credentials", "reason": "invalid-client", **service.where}
        while time < fixed:
            yield self.strand.event("verify-failure", time, attempt)
            time += int(gap * draws.between(0.97, 1.03))

    def _moments(self, service: Service, start: int) -> Iterator[int]:
        draws = self.strand.draws
        gap = service.pace * (BATCH if service.habit == "batch" else 1)
        time = start + int(draws.unit() * gap)
        while True:
            if service.habit == "batch":
                for _ in range(BATCH):
                    time += int(draws.exponential(min(50_000, service.pace / 4)))
                    yield time
                time += int(draws.between(0.7, 1.2) * gap)
            elif service.habit == "steady":
                time += int(draws.between(0.8, 1.2) * gap)
                yield time
            else:
                time += int(draws.exponential(gap * 0.55))
                if draws.chance(0.2 + 0.8 * activity(time, 1)):
                    yield time
