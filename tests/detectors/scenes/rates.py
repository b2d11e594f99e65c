"""Scenes of the mixed stream for the detectors of rates."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, SECOND, Person, Writer


def hoards(writer: Writer, everyone: list[Person]) -> None:
    """Tokens given out in stock: to one user, from one address to many users, to one client at many addresses."""
    at = (DAYS - 1) * DAY + 19 * HOUR + 55 * MINUTE
    user, tenant = everyone[2].base(), everyone[0].base()
    for i in range(12):
        writer.add(at + i * 30 * SECOND, "issue", **user, token_type="access", count=20)
        many = {"sub": f"many-{i}", "client_id": f"app-{i % 5}", "ip": "203.0.113.77"}
        writer.add(at + i * 30 * SECOND, "issue", **tenant | many, token_type="access", count=20)
        spread = {"sub": f"spread-{i}", "ip": f"198.18.0.{i}", "sample_rate": 0.05}
        writer.add(at - 6 * HOUR + i * 4 * SECOND, "issue", **tenant | spread, token_type="access")


def mints(writer: Writer, everyone: list[Person]) -> None:
    """A key that signs what is issued, hour by hour, and then more: with and without the tokens' ids."""
    person, start = everyone[1], (DAYS - 1) * DAY - 12 * HOUR
    key = {"tenant": person.tenant, "iss": person.iss, "key_id": "kid-mint"}
    sign = key | {"operation": "sign", "outcome": "success", "sub": "svc-mint", "sub_type": "service"}
    for hour in range(28):
        at = start + hour * HOUR + 20 * MINUTE
        writer.add(at, "key-use", **sign, count=30)
        writer.add(at + SECOND, "issue", **key, sub=person.name, grant_type="authorization_code", count=30)
    for i in range(8):
        at = start + 28 * HOUR + i * MINUTE
        writer.add(at, "key-use", **sign, count=30)
        writer.add(at, "key-use", **sign, token_id=f"mint-{i}")
        writer.add(at + MINUTE, "issue", **key, sub=person.name, token_id=f"mint-{i}" if i < 2 else f"own-{i}")


SCENES: Final = (hoards, mints)
