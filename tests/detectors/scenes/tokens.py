"""Scenes of the mixed stream for the detectors of what tokens are, carry and cost."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, SECOND, START, Person, Writer, elsewhere


def written_down(writer: Writer, everyone: list[Person]) -> None:
    """Tokens in plain text in the log."""
    at = (DAYS - 1) * DAY + 19 * HOUR
    for number, person in enumerate(everyone[:12]):
        when = at + number * MINUTE
        if number % 2:
            writer.use(person, when, leaked=True)
        else:
            writer.fail(person, when, "malformed", leaked=True, token_id=(person.token, None)[number % 4 // 2])


def more_scope(writer: Writer, everyone: list[Person]) -> None:
    """Clients known for a week that get new scopes; refreshes that get less, as much and more than was granted."""
    for number, person in enumerate(everyone[:8]):
        granted = {"grant_type": "authorization_code", "family_id": f"wide-{number}", "token_id": f"wide-{number}"}
        writer.add(number * HOUR, "issue", **person.base() | granted, scope="read")
        at = (DAYS - 1) * DAY + 20 * HOUR + number * MINUTE
        writer.add(at, "issue", **person.base() | granted, scope=f"read write extra-{number}")
        for again, scope in enumerate(("read", "read write", f"read other-{number % 3}", "read admin mail.*")):
            refreshed = granted | {"grant_type": "refresh_token", "parent_id": f"wide-{number}-{again}"}
            writer.add(at + (again + 1) * SECOND, "refresh", **person.base() | refreshed, scope=scope)


def long_lives(writer: Writer, everyone: list[Person]) -> None:
    """Tokens of all types that live long, and longer, and without end."""
    at = (DAYS - 1) * DAY + 21 * HOUR
    for number, person in enumerate(everyone[:16]):
        kind = ("access", "refresh", "api-key", "access")[number % 4]
        for more in range(2):
            when = at + number * MINUTE + more * SECOND
            life = {"exp": (START + when + (500 * more + number) * DAY) // 1_000} if number % 8 != 7 else {}
            token = {"token_type": kind, "token_id": f"long-{number}-{more}", "claims": ["iss", "sub"]}
            writer.add(when, "issue", **person.base() | token | life)


def two_hands(writer: Writer, everyone: list[Person]) -> None:
    """Sessions, and tokens without one, that are used from home and from elsewhere in turn."""
    at = (DAYS - 1) * DAY + 22 * HOUR
    for number, person in enumerate(everyone[:10]):
        token = {"token_id": f"two-{number}"} | (
            {"session_id": None} if number % 2 else {"session_id": f"two-{number}"}
        )
        there = elsewhere(writer.rng, 100 + number) | ({"country": person.home["country"]} if number % 3 else {})
        for turn in range(7):
            writer.use(person, at + number * MINUTE + turn * SECOND, **token | (there if turn % 2 else {}))


def many_sessions(writer: Writer, everyone: list[Person]) -> None:
    """A user who opens session after session, some of which end; tokens that the issuer drops."""
    at, person = (DAYS - 1) * DAY + 23 * HOUR, everyone[0]
    for number in range(60):
        family = person.base() | {"family_id": f"many-{number}", "token_type": "refresh", "token_id": f"many-{number}"}
        writer.add(at + number * 40 * SECOND, "issue", **family)
        if number % 6 == 0:
            ended = {"reason": ("logout", "rotation", "cap")[number // 6 % 3]}
            writer.add(at + number * 40 * SECOND + 90 * SECOND, "revoke", **family | ended)


def lent_codes(writer: Writer, everyone: list[Person]) -> None:
    """Users who approve devices beside them, and machines elsewhere."""
    at = (DAYS - 1) * DAY + 23 * HOUR + 45 * MINUTE
    for number, person in enumerate(everyone[:12]):
        when, device = at + number * 30 * SECOND, {"grant_type": "device_code", "client_id": f"cli-{number % 3}"}
        writer.add(when, "issue", **person.base(), grant_type="authorization_code", token_id=f"code-{number}")
        there = elsewhere(writer.rng, 150 + number) if number % 3 else {}
        writer.add(when + 20 * SECOND, "issue", **person.base() | device | there, token_id=f"device-{number}")


def lost_tokens(writer: Writer, everyone: list[Person]) -> None:
    """Tokens at the servers they are for, and at others; some are refused, one client's in a burst."""
    at = (DAYS - 1) * DAY + 23 * HOUR + 52 * MINUTE
    for number, person in enumerate(everyone[:12]):
        for server in ("api-0", "api-1"):
            tried = {"aud": f"https://{server}.acme", "resource_server": "api-0.acme", "token_id": f"lost-{number}"}
            writer.use(person, at + number * SECOND, **tried)
            writer.fail(person, at + number * SECOND, "audience-mismatch", **tried)
    for number in range(24):
        writer.fail(everyone[0], at + MINUTE + number * SECOND, "issuer-mismatch", token_id=f"alien-{number}")


SCENES: Final = (written_down, more_scope, long_lives, two_hands, many_sessions, lent_codes, lost_tokens)
