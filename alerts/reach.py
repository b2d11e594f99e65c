"""What is followed of an alert: whether its token, session or user can still be used, and what was reached meanwhile.

An alert follows what its class asks to revoke, else what it is about, from the first bad event until a day after the
last. Calls are accepted events that present it; an access token that servers do not look up may outlive a revocation,
so one that still works afterwards is live again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from schemas.alerts import BlastRadius, Containment
from schemas.fields import LATEST_TIME, format_time, micros
from schemas.vocabulary import EntityType

MAX_LISTED: Final = 20
"""Audiences and scopes that are listed."""
IN_FLIGHT: Final = micros(timedelta(minutes=1))
"""Uses that soon after a revocation were under way, or checked against a cache."""
MEMORY: Final = micros(timedelta(hours=24))
"""How long a closed alert is followed."""
PRESENTED: Final = "presented"
"""The token that an event presents; every other name is a column."""

_TOKEN: Final = ((PRESENTED, "token_id"),)
_FAMILY: Final = (("family_id", "family_id"), *_TOKEN)
_USER: Final = (("principal", "principal"),)
_SESSION: Final = (("session_id", "session_id"), *_USER)
FOLLOWED: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "token": _TOKEN,
    "family": _FAMILY,
    "session": _SESSION,
    EntityType.USER: _USER,
    EntityType.IP: (("source_ip", "source_ip"),),
    EntityType.PREFIX: (("prefix", "prefix"),),
    EntityType.CLIENT: (("client_id", "client_id"),),
    EntityType.KEY: (("key_id", "key_id"),),
}
"""What an alert follows, the preferred first: how later events show it, and the opening event's column for it."""
COVERS: Final[dict[str, tuple[str, ...]]] = {
    PRESENTED: ("token", "key", "family", "session", "grant", "subject", "client"),
    "family_id": ("family", "session", "grant", "subject", "client"),
    "session_id": ("session", "subject"),
    "principal": ("subject",),
    "client_id": ("client",),
    "key_id": ("key",),
}
"""Revocations that end what is followed."""


@dataclass(slots=True)
class Reach:
    """Calls, and what they reached, in the order of first sight."""

    calls: int = 0
    aud: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)

    def add(self, calls: int, aud: Iterable[str], scopes: Iterable[str]) -> None:
        """Take in further calls."""
        self.calls += calls
        for known, new in ((self.aud, aud), (self.scopes, scopes)):
            for name in new if len(known) < MAX_LISTED else ():
                if name not in known and len(known) < MAX_LISTED:
                    known.append(name)

    def radius(self) -> BlastRadius:
        """Give it as the record carries it."""
        return BlastRadius(aud=list(self.aud), scopes=list(self.scopes), calls=self.calls)


@dataclass(slots=True)
class Watch:
    """What one alert follows. Times are event times, µs.

    Attributes:
        shown: how later events show it: `PRESENTED` or a column; with `key` it says what is followed.
        covered: scope of a revocation → key that it must name to end this.
        touched: when the alert last spoke.
        is_open: the alert's episode is.
        used: last accepted use.
        expires: latest expiry of its tokens.
        revoked: when the latest revocation takes effect.
    """

    alert_id: str
    incident_id: str
    shown: str
    key: int
    covered: dict[str, int]
    touched: int
    is_open: bool = True
    used: int | None = None
    expires: int | None = None
    revoked: int | None = None
    reach: Reach = field(default_factory=Reach)

    @property
    def ends(self) -> int:
        """Until when calls count."""
        return LATEST_TIME if self.is_open else self.touched + MEMORY

    def containment(self, now: int) -> Containment | None:
        """Say whether it can still be used at `now`; None where no token of it is known."""
        if self.revoked is not None and self.revoked <= now and (self.used or 0) <= self.revoked + IN_FLIGHT:
            return Containment(state="revoked")
        if self.used is None and self.expires is None:
            return None
        until = None if self.expires is None else format_time(self.expires)
        over = self.expires is not None and self.expires <= now and (self.used or 0) <= self.expires
        return Containment(state="expired" if over else "live", live_until=until)

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Watch:
        """Undo what orjson writes of it."""
        return cls(**record | {"reach": Reach(**record["reach"])})


_ORDER: Final = ("expired", "revoked", "live")


def worst(found: Iterable[Containment | None]) -> Containment | None:
    """Give the containment of several together: live as long as one of them is, until the last one ends."""
    known = [each for each in found if each is not None]
    if not known:
        return None
    state = max((each.state for each in known), key=_ORDER.index)
    same = [each for each in known if each.state == state]
    ends = [each.live_until for each in same if each.live_until is not None]
    return Containment(state=state, live_until=max(ends) if len(ends) == len(same) else None)
