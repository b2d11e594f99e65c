"""Inventories of keys for cases and streams, with the hashes that test frames have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from detectors.inventory import FACTS, VERSION, Inventory
from schemas.columns import NULL_TIME
from tests.frames import key_of

Entry = Mapping[str, Any]


def inventory(entries: Iterable[Entry], time_of: Callable[[Any], int]) -> Inventory:
    """Make an inventory of entries.

    Args:
        entries: `{iss, tenant, key_id, since, listed_at, retired, …}` for a version of a key, or `{iss, tenant, reads}`
            for an issuer whose JWKS was read at these times.
        time_of: reads a time of an entry as µs.
    """
    versions, reads = [], {}
    for entry in entries:
        scope = (entry.get("tenant"), entry["iss"])
        if "reads" in entry:
            reads[key_of(scope[0] or "", scope[1])] = np.array([time_of(time) for time in entry["reads"]])
            continue
        since = time_of(entry["since"]) if "since" in entry else NULL_TIME
        facts = {f"key_{name}": time_of(value) for name, value in entry.items() if f"key_{name}" in FACTS}
        assert len(facts) == len(entry.keys() - {"iss", "tenant", "key_id", "since"}), f"a misspelt fact in {entry}"
        versions.append((key_of(*scope, entry["key_id"]), since, *(facts.get(name, NULL_TIME) for name in FACTS)))
    return Inventory(np.array(versions, VERSION), reads)
