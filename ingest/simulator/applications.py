"""What is used: applications (OAuth clients), the APIs their tokens are for, and the keys that sign them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.simulator.clock import DAY, HOUR, MINUTE
from ingest.simulator.draws import Traits, zipf_cumulative
from ingest.simulator.networks import Fields

CLIENT_EXPONENT: Final = 1.25
KEY_EXPONENT: Final = 1.5
MAIN_ISSUER: Final = "https://id.acme.example"
PARTNER_ISSUER: Final = "https://login.partner.example"
API_NAMES: Final = (
    "orders",
    "catalog",
    "profile",
    "billing",
    "search",
    "messages",
    "files",
    "reports",
    "devices",
    "audit",
)
KEY_LIFE: Final = 21 * DAY
CACHE_LIFE: Final = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Api:
    """A resource server. Its tokens are signed by its own key, which has a successor every three weeks."""

    name: str
    number: int

    @property
    def audience(self) -> str:
        """The `aud` of its tokens."""
        return f"https://{self.name}.api.acme.example"

    def key_at(self, micros: int) -> str:
        """`kid` that signs at this time; the ring rotates at 03:00 UTC, each API on its own day."""
        return f"{self.name}-{(micros - self._phase) // KEY_LIFE}"

    def next_rotation(self, micros: int) -> int:
        """When the next key takes over, µs."""
        return ((micros - self._phase) // KEY_LIFE + 1) * KEY_LIFE + self._phase

    def freshly_rotated(self, micros: int) -> bool:
        """True while some verifiers have not fetched the new key yet."""
        return (micros - self._phase) % KEY_LIFE < CACHE_LIFE

    @property
    def _phase(self) -> int:
        return self.number * 2 * DAY + 3 * HOUR


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of application handles tokens. Times in µs."""

    kind: str
    device: str
    public: bool = True
    rotates: bool = True
    backend: bool = False
    bound: bool = False
    opaque: bool = False
    logs_rotation: bool = False
    grant: str = "authorization_code"
    access_life: int = 30 * MINUTE
    idle_life: int = 14 * DAY


STYLES: Final = (
    Style("spa", "laptop", access_life=15 * MINUTE, idle_life=1 * DAY),
    Style("native", "phone", idle_life=30 * DAY),
    Style("bff", "laptop", public=False, backend=True, idle_life=12 * HOUR),
    Style("native-bound", "phone", bound=True, logs_rotation=True, idle_life=30 * DAY),
    Style("desktop", "laptop", rotates=False, access_life=60 * MINUTE, idle_life=30 * DAY),
    Style("ssr", "laptop", public=False, backend=True, access_life=60 * MINUTE, idle_life=12 * HOUR),
    Style("partner", "laptop", public=False, opaque=True, access_life=20 * MINUTE, idle_life=7 * DAY),
    Style("device", "laptop", grant="device_code", access_life=60 * MINUTE, idle_life=30 * DAY),
    Style("spa", "laptop", access_life=15 * MINUTE, idle_life=1 * DAY),
    Style("native", "phone", access_life=60 * MINUTE, idle_life=60 * DAY),
    Style("legacy", "laptop", public=False, rotates=False, grant="password", access_life=60 * MINUTE),
)


@dataclass(frozen=True, slots=True)
class Application:
    """An OAuth client used by people."""

    client_id: str
    number: int
    style: Style

    def fields(self) -> Fields:
        """Event fields every record of this client carries."""
        partner = self.style.kind == "partner"
        return {
            "tenant": "acme-partners" if partner else "acme",
            "iss": PARTNER_ISSUER if partner else MAIN_ISSUER,
            "source": "partner-idp" if partner else "acme-idp",
            "client_id": self.client_id,
            "client_type": "public" if self.style.public else "confidential",
        }


class Catalogue:
    """`size` applications, client 0 the most used, and the APIs behind them."""

    def __init__(self, size: int = 33) -> None:
        self.applications = tuple(
            Application(f"app-{STYLES[number % len(STYLES)].kind}-{number:02d}", number, STYLES[number % len(STYLES)])
            for number in range(size)
        )
        self.apis = tuple(Api(name, number) for number, name in enumerate(API_NAMES))
        self.popularity = zipf_cumulative(size, CLIENT_EXPONENT)
        self.demand = zipf_cumulative(len(self.apis), KEY_EXPONENT)

    def favourite(self, traits: Traits) -> Application:
        """Draw an application by its popularity."""
        return self.applications[traits.ranked(self.popularity)]

    def named(self, kind: str) -> Application:
        """The most used application of a kind."""
        return next(application for application in self.applications if application.style.kind == kind)
