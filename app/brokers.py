"""Kafka brokers as users write them, and their errors as users read them. Addresses never carry credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from schemas.errors import SourceError

ANSWER: Final = {"bootstrap_timeout_ms": 10_000}
"""Client setting of commands that a person waits for."""
_SERVER: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_PORTS: Final = 65_536


def servers(text: str) -> list[str]:
    """Read `host:port,host:port`.

    Raises:
        ValueError: it is none. The message does not repeat it, as it may hold a password.
    """
    found = [part.strip() for part in text.split(",")]
    for server in found:
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match[1]) < _PORTS:
            raise ValueError("brokers are written host:port, several with commas; credentials do not belong there")
    return found


@contextmanager
def named_errors(place: str, next_step: str = "check that the broker runs, and its address") -> Iterator[None]:
    """Turn errors of the Kafka client into ours."""
    from kafka.errors import KafkaError

    try:
        yield
    except KafkaError as error:
        raise SourceError(
            f"the broker does not answer as it should: {error}", place=place, next_step=next_step
        ) from error
