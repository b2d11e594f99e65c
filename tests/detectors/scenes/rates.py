"""Scenes of the mixed stream for the detectors of rates."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, SECOND, Person, Writer


def hoards(writer: Writer, everyone: list[Person]) -> None:
    """Tokens given out in stock: to one user, from one address to many users, to one client at many addresses."""
    at = (DAYS - 1) * DAY + 19 * HOUR + 55 * 60 * SECOND
    user, tenant = everyone[2].base(), everyone[0].base()
    for i in range(12):
        writer.add(at + i * 30 * SECOND, "issue", **user, token_type="access", count=20)
        many = {"sub": f"many-{i}", "client_id": f"app-{i % 5}", "ip": "203.0.113.77"}
        writer.add(at + i * 30 * SECOND, "issue", **tenant | many, token_type="access", count=20)
        spread = {"sub": f"spread-{i}", "ip": f"198.18.0.{i}", "sample_rate": 0.05}
        writer.add(at - 6 * HOUR + i * 4 * SECOND, "issue", **tenant | spread, token_type="access")


SCENES: Final = (hoards,)
