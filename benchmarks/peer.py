"""The 400 000 events of the peer comparison: one rule, 19 980 failures, 1 294 hits.

A hit is a verify-failure whose ip has at least `RULE_FAILURES` of them in the `RULE_SECONDS` up to and including it.

    python -m benchmarks.peer OUT.ndjson [N]
"""

from __future__ import annotations

import random
import sys
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

EVENTS: Final = 400_000
RULE_FAILURES: Final = 10
RULE_SECONDS: Final = 60.0
_SEED: Final = 7
_USERS: Final = 20_000
_START: Final = 1_790_000_000.0
_SPACING: Final = 0.002
_TYPES: Final = ("issue", "refresh", "verify-failure", "key-use")
_WEIGHTS: Final = (18, 22, 5, 55)


def peer_events(n: int = EVENTS) -> Iterator[dict[str, Any]]:
    """Yield the events in time order. The draws and their order are fixed by the published figures."""
    rng = random.Random(_SEED)  # noqa: S311 - a reproducible stream, no secret
    for i in range(n):
        sub = f"user-{min(int(rng.paretovariate(1.1)), _USERS - 1)}"
        kind = rng.choices(_TYPES, _WEIGHTS)[0]
        yield {
            "event_id": str(uuid.UUID(int=rng.getrandbits(128))),
            "type": kind,
            "time": datetime.fromtimestamp(_START + i * _SPACING, UTC).isoformat(),
            "sub": sub,
            "client_id": f"app-{i % 17}",
            "token_id": f"{rng.getrandbits(128):032x}",
            "family_id": f"{rng.getrandbits(64):016x}",
            "key_id": f"key-{i % 5}",
            "alg": "RS256",
            "ip": f"10.{int(rng.paretovariate(1.0)) % 250}.{(i // 250) % 5}.{i % 25}",
            "country": "DE",
            "lat": 52.5,
            "lon": 13.4,
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0",
            "scope": ["read", "write"],
            "iss": "https://idp.example",
            "aud": "api://orders",
            "exp": _START + 3600,
            **({"reason": "bad-credentials"} if kind == "verify-failure" else {}),
            **({"operation": "verify"} if kind == "key-use" else {}),
        }


def peer_records(n: int = EVENTS) -> Iterator[bytes]:
    """Yield the events as JSON records."""
    return map(orjson.dumps, peer_events(n))


def count_hits(events: Iterator[dict[str, Any]]) -> tuple[int, int]:
    """Count the failures and the hits of the rule, one event at a time: the reference answer."""
    recent: defaultdict[str, deque[float]] = defaultdict(deque)
    failures = hits = 0
    for event in events:
        if event["type"] != "verify-failure":
            continue
        failures += 1
        moment = datetime.fromisoformat(event["time"]).timestamp()
        window = recent[event["ip"]]
        window.append(moment)
        while window[0] <= moment - RULE_SECONDS:
            window.popleft()
        hits += len(window) >= RULE_FAILURES
    return failures, hits


def main(out: str, n: str = str(EVENTS)) -> None:
    """Write the records to a file, one a line, and print the reference answer."""
    with Path(out).open("wb") as file:
        file.writelines(record + b"\n" for record in peer_records(int(n)))
    failures, hits = count_hits(peer_events(int(n)))
    print(f"{n} events, {failures} failures, {hits} hits")


if __name__ == "__main__":
    main(*sys.argv[1:])
