"""How people log in: mistyped and forgotten passwords, second factors, device codes, forced resets."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.simulator.clock import DAY, MINUTE, SECOND
from ingest.simulator.networks import Fields
from ingest.simulator.sessions import Event, Session, Strand
from ingest.simulator.world import World

TYPO = 0.06
FORGOTTEN = 0.004
MISSPELT = 0.01
SILENT_FAILURE = 0.05
CODE_TYPO = 0.04
STALE_PHONE = 0.3


class Logins:
    """Plays one interactive login to its end, successful or not."""

    def __init__(self, world: World, strand: Strand) -> None:
        self._calendar = world.calendar
        self._strand = strand
        self._reset_on: dict[int, int] = {}

    def play(self, session: Session, time: int, person: Fields, holder: Fields) -> Iterator[Event]:
        """Yield the events of a login that starts at `time` (µs) and succeeds in the end.

        `person` is where the password is typed, `holder` who gets the tokens: a backend, or the same.
        """
        draws, style = self._strand.draws, session.application.style
        attempt = self._attempt(session, person)
        if style.grant == "device_code":
            for _ in range(2 + draws.below(12)):
                yield self._fail(attempt, time, "authorization-pending")
                time += 5 * SECOND
        else:
            for event in self._password(session, attempt, time):
                time = event["time"] + int(draws.between(3, 15) * SECOND)
                yield event
        if session.user.mfa and draws.chance(CODE_TYPO):
            yield self._fail(attempt, time, "mfa-failed")
            time += int(draws.between(8, 30) * SECOND)
        yield from session.open(time, holder)

    def _password(self, session: Session, attempt: Fields, time: int) -> Iterator[Event]:
        draws, user = self._strand.draws, session.user
        if draws.chance(SILENT_FAILURE):
            yield self._fail(attempt, time, "interaction-required")
            time += 2 * SECOND
        day = time // DAY
        if self._calendar.resetting(user.company, time) and self._reset_on.get(user.index) != day:
            self._reset_on[user.index] = day
            yield from self._reset(session, attempt, time)
        elif draws.chance(FORGOTTEN):
            yield from self._forget(session, attempt, time)
        elif draws.chance(MISSPELT):
            stranger = {**attempt, "login": f"h1:{draws.hex_id()}{draws.hex_id()}"}
            del stranger["sub"], stranger["sub_type"], stranger["username"]
            yield self._fail(stranger, time, "unknown-subject")
        elif draws.chance(TYPO):
            yield from self._tries(attempt, time, 1 + draws.below(3))

    def _tries(self, attempt: Fields, time: int, number: int) -> Iterator[Event]:
        for _ in range(number):
            yield self._fail(attempt, time, "bad-credentials")
            time += int((2 + self._strand.draws.exponential(7)) * SECOND)

    def _forget(self, session: Session, attempt: Fields, time: int) -> Iterator[Event]:
        """Five tries, a lock, impatience, then a new password by mail."""
        draws = self._strand.draws
        for event in self._tries(attempt, time, 5):
            time = event["time"]
            yield event
        for _ in range(1 + draws.below(3)):
            time += int(draws.between(5, 40) * SECOND)
            yield self._fail(attempt, time, "locked-out" if draws.chance(0.8) else "rate-limited")
        time += int(draws.between(3, 12) * MINUTE)
        yield session.revoked(time, attempt, "password-change", "subject")

    def _reset(self, session: Session, attempt: Fields, time: int) -> Iterator[Event]:
        """The new password is chosen; the phone's mail client keeps trying the old one, at its own pace."""
        draws = self._strand.draws
        yield session.revoked(time, attempt, "password-change", "subject")
        if draws.chance(STALE_PHONE):
            attempt = {**attempt, **session.user.phone.fields()}
            for _ in range(3 + draws.below(5)):
                time += int(draws.between(50, 70) * SECOND)
                yield self._fail(attempt, time, "bad-credentials")
        yield from self._tries(attempt, time + 20 * SECOND, draws.below(3))

    @staticmethod
    def _attempt(session: Session, person: Fields) -> Fields:
        identity = {**session.identity, "login": session.user.login}
        return {**identity, "grant_type": session.application.style.grant, **person}

    def _fail(self, attempt: Fields, time: int, reason: str) -> Event:
        return self._strand.event("verify-failure", time, attempt, {"reason": reason})
