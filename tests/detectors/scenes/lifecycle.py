"""Scenes of the mixed stream for the detectors of a token's life."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, SECOND, Person, Writer, elsewhere


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


SCENES: Final = (old_tokens, other_hands, revoked_tokens)
