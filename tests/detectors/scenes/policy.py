"""Scenes of the mixed stream for the detectors of policy and of keys."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, SECOND, Person, Writer


def careless_clients(writer: Writer, everyone: list[Person]) -> None:
    """Tokens in URLs and without TLS."""
    at = (DAYS - 1) * DAY + 15 * HOUR
    for number, person in enumerate(everyone[:12]):
        carried = {"resource_server": f"api-{number % 3}", "token_type": ("access", "api-key", None)[number % 3]}
        writer.use(person, at + number * MINUTE, token_location=("query", "fragment", "header")[number % 3], **carried)
        writer.use(person, at + number * MINUTE + 9 * SECOND, transport=("http", "https")[number % 2], **carried)


def forgers(writer: Writer, everyone: list[Person]) -> None:
    """Tokens without a signature, with one of the wrong kind, and with weak ones; accepted and refused."""
    at = (DAYS - 1) * DAY + 16 * HOUR
    for number, person in enumerate(everyone[:16]):
        when = at + number * MINUTE
        alg, bits = (("none", None), ("HS256", 256), ("RSA1_5", 2048), ("RS256", 1024))[number % 4]
        writer.use(person, when, alg="RS256", key_id=f"kid-{number % 8}")
        forged = {"alg": alg, "key_bits": bits, "key_id": f"kid-{number % 8}", "token_id": f"forged-{number}"}
        writer.use(person, when + 9 * SECOND, **forged)
        writer.fail(person, when + 20 * SECOND, "bad-signature", **forged)


def wrong_tokens(writer: Writer, everyone: list[Person]) -> None:
    """Tokens that bring their key, and tokens of the wrong kind; accepted and refused."""
    at = (DAYS - 1) * DAY + 17 * HOUR
    for number, person in enumerate(everyone[:16]):
        when, server = at + number * MINUTE, {"resource_server": f"api-{number % 3}"}
        brings = server | {"header_params": [("jku", "x5u", "jwk", "x5c")[number % 4]], "token_id": f"own-{number}"}
        writer.use(person, when, **brings)
        writer.fail(person, when + 9 * SECOND, "bad-signature", **brings)
        writer.use(person, when + 20 * SECOND, **server, token_type=("id", "refresh")[number % 2])
        writer.fail(person, when + 30 * SECOND, "type-mismatch", **server, token_id=person.token)


def key_managers(writer: Writer, everyone: list[Person]) -> None:
    """Operations on keys that harm, by people and machines."""
    at = (DAYS - 1) * DAY + 18 * HOUR
    harm = ("disable", "destroy", "import", "export", "policy-change", "read-secret", "schedule-delete")
    for number, person in enumerate(everyone[:14]):
        done = {"operation": harm[number % 7], "outcome": ("success", "denied")[number % 2], "token_id": None}
        writer.use(person, at + number * MINUTE, **done, key_id=f"master-{number % 3}")


def key_users(writer: Writer, everyone: list[Person]) -> None:
    """Keys with their few callers, then others who come, and other things that they are used for."""
    for number, person in enumerate(everyone[:9]):
        key = {"key_id": f"wrapping-{number % 3}", "token_id": None, "sub_type": ("service", "user")[number % 2]}
        for day in range(DAYS):
            writer.use(person, day * DAY + 6 * HOUR + number * MINUTE, **key, operation="encrypt")
        last = (DAYS - 1) * DAY + 19 * HOUR + number * MINUTE
        writer.use(person, last, **key, operation=("decrypt", "sign", "wrap")[number % 3])
        for guest in everyone[9 + number : 12 + number]:
            writer.use(guest, last + 9 * SECOND, **key, operation="decrypt")


def readable_tokens(writer: Writer, everyone: list[Person]) -> None:
    """Tokens that tell too much, that nobody signed, and JWTs where opaque tokens were."""
    at = (DAYS - 1) * DAY + 19 * HOUR
    for number, person in enumerate(everyone[:12]):
        when, server = at + number * MINUTE, {"resource_server": f"api-{number % 3}"}
        claims = ["sub", "exp", ("birthdate", "password", "salary", "scope")[number % 4]]
        writer.use(person, when, token_format="jws", claims=claims, **server)
        encrypted = {"token_format": "jwe", "alg": ("RSA-OAEP", "dir", None)[number % 3], "token_id": f"jwe-{number}"}
        writer.use(person, when + 9 * SECOND, **server, **encrypted)
        mine = person.base() | {"client_id": (person.client, f"vault-{number % 3}")[number % 2], "token_type": "access"}
        writer.add(when - 8 * DAY, "issue", **mine, token_id=f"opaque-{number}", token_format="opaque")
        writer.add(when + 20 * SECOND, "issue", **mine, token_id=f"jwt-{number}", token_format="jws")


SCENES: Final = (careless_clients, forgers, wrong_tokens, key_managers, key_users, readable_tokens)
