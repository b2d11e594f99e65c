"""Who uses the system: users, their devices and habits, drawn from the seed one at a time when first met."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ingest.simulator.applications import Application, Catalogue
from ingest.simulator.draws import Dice, Traits
from ingest.simulator.places import PLACES, Place

USER_EXPONENT: Final = 1.1
FIRST_HUMAN_RANK: Final = 30  # the busiest principals are machines
USERS_PER_COMPANY: Final = 120

# fmt: off
GIVEN: Final = (
    "Ada", "Amir", "Anna", "Bao", "Carla", "Chen", "Dana", "Diego", "Elif", "Emma", "Farid", "Felix", "Grace", "Hana",
    "Hugo", "Ines", "Ivan", "Jana", "Jonas", "Kaja", "Kofi", "Lars", "Lena", "Luca", "Maja", "Marco", "Mina", "Nadia",
    "Noah", "Olga", "Omar", "Paul", "Petra", "Priya", "Rosa", "Sami", "Sara", "Tariq", "Tom", "Uma", "Vera", "Zoe",
)
FAMILY: Final = (
    "Abel", "Adeyemi", "Bauer", "Becker", "Cohen", "Costa", "Diaz", "Dubois", "Eriksen", "Fischer", "Garcia", "Gupta",
    "Haas", "Horvat", "Ito", "Jansen", "Kaya", "Keller", "Kim", "Kowalski", "Lang", "Lopez", "Martin", "Mehta",
    "Moreau", "Nagy", "Nguyen", "Novak", "Okafor", "Olsen", "Park", "Patel", "Popescu", "Rossi", "Sato", "Schmidt",
    "Silva", "Singh", "Smith", "Tan", "Tanaka", "Virtanen", "Weber", "Wong", "Yilmaz", "Zhang",
)
# fmt: on
WINDOWS: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
MACINTOSH: Final = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.0.0 Safari/537.36"
BROWSERS: Final = (
    f"{WINDOWS}) {CHROME}",
    f"{MACINTOSH} {CHROME}",
    f"{WINDOWS}; rv:{{0}}.0) Gecko/20100101 Firefox/{{0}}.0",
    f"{MACINTOSH} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{{1}} Safari/605.1.15",
    f"{WINDOWS}) {CHROME} Edg/{{0}}.0.0.0",
)
PHONES: Final = ("Acme/7.{1} (iPhone; iOS 18.{1}; Scale/3.00)", "Acme/7.{1} okhttp/4.12.0 (Android 15; Pixel 9)")
TOOLS: Final = ("python-requests/2.32.{1}", "Go-http-client/2.0", "curl/8.{1}.0", "axios/1.7.{1}")


@dataclass(frozen=True, slots=True)
class Device:
    """What a person holds. `device_id` is None where the client reports none."""

    kind: str
    user_agent: str
    ja4: str
    device_id: str | None

    def fields(self) -> dict[str, str]:
        """Event fields of this device."""
        fields = {"user_agent": self.user_agent, "ja4": self.ja4}
        if self.device_id is not None:
            fields["device_id"] = self.device_id
        return fields


def make_device(dice: Dice, kind: str) -> Device:
    """Draw a device of kind `laptop`, `phone` or `tool`."""
    agents = {"laptop": BROWSERS, "phone": PHONES, "tool": TOOLS}[kind]
    family = dice.below(len(agents))
    agent = agents[family].format(136 + dice.below(6), dice.below(7))
    ja4 = f"t13d15{kind[0]}{family}h2_{Traits(kind, family).hex_id()[:12]}_{dice.below(3):012x}"
    known = kind == "phone" or (kind == "laptop" and dice.chance(0.7))
    return Device(kind, agent, ja4, f"dev-{dice.hex_id()}" if known else None)


@dataclass(frozen=True, slots=True)
class User:
    """A person. `line` numbers the fixed line at home; `company` decides office and VPN."""

    index: int
    sub: str
    username: str
    login: str
    home: Place
    line: int
    company: int
    laptop: Device
    phone: Device
    favourites: tuple[Application, ...]
    remote: bool
    ipv6: bool
    traveller: bool
    shared: bool
    mfa: bool
    own_vpn: bool

    def device(self, kind: str) -> Device:
        """The device that an application of this kind runs on."""
        return self.phone if kind == "phone" else self.laptop


@dataclass(frozen=True, slots=True)
class Company:
    """An employer: where its site is, and whether people surf through its VPN."""

    number: int
    site: Place
    vpn: bool
    flagged: bool


class Population:
    """`size` users; user 0 is the busiest. The same (seed, index) is always the same person."""

    def __init__(self, seed: int, size: int, catalogue: Catalogue) -> None:
        self.size = size
        self.catalogue = catalogue
        self._seed = seed
        shares = np.array([place.weight for place in PLACES])
        self._cities = np.cumsum(shares) / shares.sum()
        self.user = lru_cache(maxsize=65536)(self._draw)
        self.company = lru_cache(maxsize=4096)(self._found)

    def _found(self, number: int) -> Company:
        traits = Traits(self._seed, "company", number)
        site = PLACES[traits.ranked(self._cities)]
        return Company(number, site, vpn=traits.chance(0.4), flagged=traits.chance(0.5))

    def _draw(self, index: int) -> User:
        traits = Traits(self._seed, "user", index)
        company = self.company(traits.below(max(1, self.size // USERS_PER_COMPANY)))
        remote = traits.chance(0.25)
        favourites = tuple(self.catalogue.favourite(traits) for _ in range(3))
        return User(
            index=index,
            sub=f"user-{index:06d}",
            username=f"{traits.pick(GIVEN)} {traits.pick(FAMILY)}",
            login=f"h1:{traits.hex_id()}{traits.hex_id()}",
            home=PLACES[traits.ranked(self._cities)] if remote else company.site,
            line=traits.below(1 << 30),
            company=company.number,
            laptop=make_device(traits, "laptop"),
            phone=make_device(traits, "phone"),
            favourites=favourites,
            remote=remote,
            ipv6=traits.chance(0.2),
            traveller=traits.chance(0.04),
            shared=traits.chance(0.004),
            mfa=traits.chance(0.5),
            own_vpn=traits.chance(0.04),
        )
