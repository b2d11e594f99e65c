"""Scenes of the mixed stream for the detectors of a token's life."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, SECOND, START, Person, Writer, elsewhere


def old_tokens(writer: Writer, everyone: list[Person]) -> None:
    """Access tokens used after their hour is over, by their owners and by others, accepted and refused."""
    at = (DAYS - 1) * DAY + 9 * HOUR
    for number, person in enumerate(everyone[:12]):
        writer.login(person, at + number * MINUTE)
        late = at + number * MINUTE + HOUR + 10 * MINUTE
        writer.use(person, late, **(elsewhere(writer.rng, 60 + number) if number % 3 == 1 else {}))
        tried = {"token_id": f"a-{person.token}"} | elsewhere(writer.rng, 80 + number)
        writer.fail(person, late + 20 * SECOND, "expired", **tried)


def other_hands(writer: Writer, everyone: list[Person]) -> None:
    """Tokens redeemed by another client, bound tokens without their key, bound tokens with another one."""
    at = (DAYS - 1) * DAY + 13 * HOUR
    for number, person in enumerate(everyone[:12]):
        when = at + number * MINUTE
        writer.login(person, when)
        match number % 4:
            case 0:
                writer.refresh(person, when + 5 * MINUTE, client_id=f"app-other-{number % 2}")
            case 1:
                refused = {"token_id": person.token, "token_type": "refresh", "client_id": "app-other"}
                writer.fail(person, when + 5 * MINUTE, "client-mismatch", **refused)
            case 2:
                writer.use(person, when + 5 * MINUTE, cnf=f"own-{number}", auth_scheme="bearer")
            case 3:
                keys = {"cnf": f"own-{number}", "presented_cnf": f"other-{number}", "auth_scheme": "dpop"}
                token = {"token_type": "access", "token_id": f"a-bound-{number}"}
                writer.add(when, "issue", **person.base(), **token, cnf=f"own-{number}")
                writer.use(person, when + 5 * MINUTE, **token | keys)


def forged_tokens(writer: Writer, everyone: list[Person]) -> None:
    """A client with so many tokens that one without an issue is missed, and tokens that nobody issued.

    So many ids arm the detector only where `least_ids` is at its lowest.
    """
    at, people = (DAYS - 2) * DAY + 8 * HOUR, everyone[::3]
    times = [at + number * 2 * SECOND for number in range(60)] + [at + 3 * HOUR + n * 20 * MINUTE for n in range(14)]
    for number, when in enumerate(times):
        _batch_job(writer, people[number % 6], when, f"batch-{number}")
    for number in range(8):
        forged = {"client_id": "app-batch", "token_id": f"forged-{number // 2}"} | elsewhere(writer.rng, 140)
        issued = {"iat": (START + at + 3 * HOUR + 20 * MINUTE) // 1_000}
        writer.use(people[number // 2], at + 3 * HOUR + 25 * MINUTE + number % 2 * 4 * HOUR, **issued | forged)


def _batch_job(writer: Writer, person: Person, when: int, token: str) -> None:
    life = {"iat": (START + when) // 1_000, "exp": (START + when + HOUR) // 1_000, "token_type": "access"}
    own = {"client_id": "app-batch", "token_id": token}
    writer.add(when, "issue", **person.base() | life | own)
    writer.use(person, when + SECOND, **own)


def odd_refreshes(writer: Writer, everyone: list[Person]) -> None:
    """Families refreshed two minutes after the login, and families that rested for over a day."""
    for number, person in enumerate(everyone[:12]):
        first = 2 * DAY + 15 * HOUR + number * MINUTE
        writer.login(person, first)
        writer.refresh(person, first + 2 * MINUTE)
        writer.refresh(person, first + (26 + number) * HOUR)


def revoked_tokens(writer: Writer, everyone: list[Person]) -> None:
    """Tokens used and refreshed after revocations of every scope, by holders old and new."""
    at = (DAYS - 1) * DAY + 15 * HOUR
    scopes = ("token", "family", "session", "grant", "subject", "key", "client")
    for number, person in enumerate(everyone[:21]):
        when, grant = at + number * MINUTE, {"grant_id": f"g-{number}"}
        writer.login(person, when)
        family = {"family_id": f"f-{person.name}-{person.family}", "client_id": f"lone-{number}"}
        token = family | grant | {"token_id": f"a-revoked-{number}", "token_type": "access", "key_id": f"kid-{number}"}
        writer.add(when, "issue", **person.base() | token)
        ends = {"revoke_scope": scopes[number % len(scopes)], "reason": ("logout", "admin", "compromise")[number % 3]}
        writer.add(when + 5 * MINUTE, "revoke", **person.base() | token | ends)
        writer.use(person, when + 8 * MINUTE, **token)
        writer.refresh(person, when + 9 * MINUTE, **family | grant)


SCENES: Final = (old_tokens, other_hands, revoked_tokens, forged_tokens, odd_refreshes)
