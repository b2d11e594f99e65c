"""Who writes the events of a mixed stream: people with their places and devices, and the rows they leave."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from schemas.fields import parse_time

Row: TypeAlias = dict[str, Any]

START: Final = parse_time("2026-03-02T00:00:00Z")
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
DAYS: Final = 9

PLACES: Final = (
    ("DE", 52.5, 13.4, 3320),
    ("US", 40.7, -74.0, 7922),
    ("JP", 35.7, 139.7, 2516),
    ("BR", -23.5, -46.6, 27699),
)
ISSUERS: Final = (("acme", "https://id.acme"), ("beta", "https://id.beta"), (None, "https://id.solo"))


@dataclass
class Person:
    """A benign user: where they are and what they hold."""

    name: str
    tenant: str | None
    iss: str
    home: Row
    device: str
    agent: str
    client: str
    family: int = 0
    token: str = ""

    def base(self) -> Row:
        return {
            "tenant": self.tenant,
            "iss": self.iss,
            "sub": self.name,
            "client_id": self.client,
            "device_id": self.device,
            "user_agent": self.agent,
            "ip_role": "user",
            "session_id": f"s-{self.name}-{self.family}",
            **self.home,
        }


@dataclass
class Writer:
    """Collects rows; times are µs from the start of the stream."""

    rng: random.Random
    rows: list[Row] = field(default_factory=list)

    def add(self, at: int, kind: str, **fields: Any) -> None:
        self.rows.append({"type": kind, "time": (START + at) // 1_000, **fields})

    def login(self, person: Person, at: int) -> None:
        person.family += 1
        person.token = f"r-{person.name}-{person.family}-0"
        life = {"iat": (START + at) // 1_000, "exp": (START + at + HOUR) // 1_000}
        base = person.base() | {"grant_type": "authorization_code", "family_id": f"f-{person.name}-{person.family}"}
        self.add(at, "issue", **base, token_type="refresh", token_id=person.token, generation=0)
        self.add(at, "issue", **base, **life, token_type="access", token_id=f"a-{person.token}", key_id="kid-1")

    def refresh(self, person: Person, at: int, **changes: Any) -> None:
        parent, stem = person.token, person.token.rsplit("-", 1)
        child = f"{stem[0]}-{int(stem[1]) + 1}"
        fields = {"family_id": f"f-{person.name}-{person.family}", "parent_id": parent, "token_id": child} | changes
        self.add(at, "refresh", **person.base() | fields, token_type="refresh", generation=int(stem[1]) + 1)
        person.token = child

    def use(self, person: Person, at: int, **changes: Any) -> None:
        fields = {"key_id": "kid-1", "operation": "verify", "outcome": "success", "token_type": "access"}
        self.add(at, "key-use", **person.base() | fields | {"token_id": f"a-{person.token}"} | changes)

    def fail(self, person: Person, at: int, reason: str = "bad-credentials", **changes: Any) -> None:
        self.add(at, "verify-failure", **person.base() | {"reason": reason} | changes)


def people(rng: random.Random) -> list[Person]:
    """Eight users for each issuer, at home in four countries."""
    found = []
    for number in range(8 * len(ISSUERS)):
        tenant, iss = ISSUERS[number % len(ISSUERS)]
        country, lat, lon, asn = rng.choice(PLACES)
        home = {"ip": f"10.{number % 3}.{number}.7", "asn": asn, "country": country, "lat": lat, "lon": lon}
        agent = f"Browser/{rng.randrange(90, 140)}.0 (X11)"
        found.append(
            Person(f"user-{number}", tenant, iss, home, f"dev-{number}", agent, f"app-{iss[-4:]}-{number % 2}")
        )
    return found


def elsewhere(rng: random.Random, octet: int = 9) -> Row:
    """An attacker's place."""
    country, lat, lon, asn = rng.choice((("RU", 55.8, 37.6, 12389), ("NG", 6.5, 3.4, 37282), ("VN", 21.0, 105.8, 7552)))
    ip = f"203.0.{octet}.{rng.randrange(1, 250)}"
    return {"ip": ip, "country": country, "lat": lat, "lon": lon, "asn": asn + octet, "device_id": f"evil-{octet}"} | {
        "user_agent": "python-requests/2.31"
    }
