"""The key book: what the settings say of keys and what issuers listed when, made into the detectors' inventory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from detectors.inventory import FACTS, VERSION, Inventory
from ingest.derived import Deriver
from ingest.privacy import Secrets
from ingest.snapshots import append_snapshot, read_snapshots
from schemas.columns import NULL_TIME
from schemas.fields import since_epoch
from schemas.inventory import KeyRecord, ListedKey, Listing, Snapshot

ALWAYS: Final = 0
"""When a key of the settings was listed, µs."""


class _Issuer(NamedTuple):
    tenant: str | None
    iss: str | None


class KeyBook:
    """All that is known of keys.

    Args:
        secrets: of the column hashes.
        records: from the settings.
        path: of the recorded snapshots.

    Attributes:
        inventory: made of what is known now.

    Raises:
        SourceError: the recorded snapshots cannot be read.
    """

    def __init__(self, secrets: Secrets, records: Sequence[KeyRecord], path: Path) -> None:
        self._deriver = Deriver(secrets)
        self._records = records
        self._path = path
        self.reload()

    def reload(self) -> None:
        """Read the record anew: another worker may have written to it.

        Raises:
            SourceError: it cannot be read.
        """
        self._keys: dict[tuple[_Issuer, str], _Key] = {}
        self._listed: dict[_Issuer, tuple[ListedKey, ...]] = {}
        self._reads: dict[_Issuer, list[int]] = {}
        for record in self._records:
            key = _Key(_facts(record))
            self._keys.update({(_Issuer(record.tenant, iss), key_id): key for iss, key_id in record.names()})
        for snapshot in read_snapshots(self._path):
            self._note(snapshot)
        self.inventory = self._inventory()

    def adopt(self, listing: Listing, now: int, watermark: int) -> bool:
        """Take over and record what an issuer lists, also that it was read; say whether the list is news.

        It counts from when it was read, but not for events that were judged without it: so a replay, which has the
        record from the start, judges each event by what was known.

        Args:
            listing: as it was read.
            now: when, µs.
            watermark: events up to it have been judged, µs.

        Raises:
            OSError: it cannot be recorded; then it is not taken over either.
        """
        issuer = _Issuer(listing.tenant, listing.iss)
        news = listing.keys != self._listed.get(issuer)
        since = max(now, watermark + 1, *self._reads.get(issuer, [])[-1:])
        snapshot = Snapshot(tenant=issuer.tenant, iss=listing.iss, since=since, keys=listing.keys if news else None)
        append_snapshot(self._path, snapshot)
        self._note(snapshot)
        self.inventory = self._inventory()
        return news

    def known(self) -> Iterator[tuple[str | None, str | None, str, dict[str, int]]]:
        """Give every name of every key, as tenant, issuer and id, with what is known of it now, µs by column."""
        for (issuer, key_id), key in self._keys.items():
            *_, (_, *facts) = key.versions()
            stated = zip(FACTS, facts, strict=True)
            yield issuer.tenant, issuer.iss, key_id, {name: time for name, time in stated if time != NULL_TIME}

    def _note(self, snapshot: Snapshot) -> None:
        issuer = _Issuer(snapshot.tenant, snapshot.iss)
        self._reads.setdefault(issuer, []).append(snapshot.since)
        if snapshot.keys is None:
            return
        before = {key.kid for key in self._listed.get(issuer, ())}
        after = {key.kid for key in snapshot.keys}
        for kid in after - before:
            self._keys.setdefault((issuer, kid), _Key({})).appear(snapshot.since)
        for kid in before - after:
            self._keys[issuer, kid].vanish(snapshot.since)
        self._listed[issuer] = snapshot.keys

    def _inventory(self) -> Inventory:
        versions = [
            (self._deriver.keys_of(*issuer, [key_id])[1][0], *version)
            for (issuer, key_id), key in self._keys.items()
            for version in key.versions()
        ]
        reads = {self._deriver.keys_of(*issuer, [])[0]: np.array(times) for issuer, times in self._reads.items()}
        return Inventory(np.array(versions, VERSION), reads)


class _Key:
    """What is known of one key; only whether it is retired has changed with time.

    Args:
        facts: what its owner says, by the name of its column, µs.
    """

    def __init__(self, facts: dict[str, int]) -> None:
        self._facts = dict(facts)
        self._retired = [(NULL_TIME, facts.get("key_retired", NULL_TIME))]

    def appear(self, since: int) -> None:
        """Note that an issuer lists it, again perhaps."""
        self._facts.setdefault("key_listed_at", since)
        self._facts.setdefault("key_first_seen", since)
        if len(self._retired) > 1:
            self._retired.append((since, self._retired[0][1]))

    def vanish(self, since: int) -> None:
        """Note that an issuer lists it no longer."""
        own = self._retired[0][1]
        self._retired.append((since, since if own == NULL_TIME else min(own, since)))

    def versions(self) -> Iterator[tuple[int, ...]]:
        """Give since when what was known, as in `VERSION`."""
        for since, retired in self._retired:
            facts = self._facts | {"key_retired": retired}
            yield (since, *(facts.get(name, NULL_TIME) for name in FACTS))


def _facts(record: KeyRecord) -> dict[str, int]:
    stated = {name: getattr(record, name.removeprefix("key_"), None) for name in FACTS}
    return {"key_listed_at": ALWAYS} | {name: since_epoch(time) for name, time in stated.items() if time is not None}
