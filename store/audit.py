"""The audit log: one entry a change, in the change's own transaction, each holding the hash of the one before.

An entry's hash is SHA-256 over its canonical JSON (RFC 8785 for what stands in it: sorted keys, no spaces, UTF-8)
with `previous`, the hash of the entry before, in it; the first has 64 zeros there. Whoever can write the database can
write a whole new log: to notice that, keep `seq:hash` of an entry elsewhere, as records of alert states do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, insert, select, update

from store.engine import Database, clock
from store.errors import RefusedError
from store.models import AUDIT_HEAD, AUDIT_LOG

NOTHING: Final = "0" * 64
"""Hash before the first entry."""
BATCH: Final = 2_000
MAX_SHOWN: Final = 500
_ANCHOR: Final = re.compile(r"(\d{1,18}):([0-9a-f]{64})")

Subject = Literal["alert", "suppression", "session"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be recorded: `action` on `subject`; `detail` is what JSON can hold."""

    action: str
    subject_type: Subject
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `time`: the database's clock, µs. `detail`: canonical JSON."""

    seq: int
    time: int
    actor: str
    action: str
    subject_type: str
    subject: str
    detail: str
    previous: str
    hash: str

    @property
    def fields(self) -> dict[str, Any]:
        """What `detail` holds."""
        found: dict[str, Any] = json.loads(self.detail)
        return found

    @property
    def anchor(self) -> str:
        """Number and hash: kept elsewhere, they show whether the log up to here is still the same."""
        return f"{self.seq}:{self.hash}"

    def computed(self) -> str:
        """The hash that this entry must have."""
        names = ("seq", "time", "actor", "action", "subject_type", "subject", "detail", "previous")
        return hashlib.sha256(canonical({name: getattr(self, name) for name in names}).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry, or a gap before one, that is not as it was written."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole log found: number of entries, `seq:hash` of the last, faults in order."""

    entries: int
    head: str
    faults: tuple[Fault, ...]


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: equal content is equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def append(connection: Connection, actor: str, changes: Sequence[Change]) -> list[Entry]:
    """Chain entries to the log within a writing transaction, and give them.

    The head is locked until the transaction ends. Lock rows of alerts before, in order of their ids: whoever takes
    locks in another order waits for ever.
    """
    if not changes:
        return []
    head = connection.execute(select(AUDIT_HEAD).with_for_update()).one()
    now = connection.execute(select(clock())).scalar_one()
    entries: list[Entry] = []
    seq, previous = head.seq, head.hash
    for change in changes:
        seq += 1
        entry = Entry(
            seq, now, actor, change.action, change.subject_type, change.subject, canonical(change.detail), previous, ""
        )
        previous = entry.computed()
        entries.append(Entry(**{**_row(entry), "hash": previous}))
    connection.execute(insert(AUDIT_LOG), [_row(entry) for entry in entries])
    connection.execute(update(AUDIT_HEAD).values(seq=seq, hash=previous))
    return entries


def _row(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


class AuditLog:
    """What was recorded, and whether it is still what was recorded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, subject_type: Subject, subject: str) -> list[Entry]:
        """Give the newest entries about one subject, oldest first."""
        mine = (AUDIT_LOG.c.subject_type == subject_type) & (AUDIT_LOG.c.subject == subject)
        wanted = select(AUDIT_LOG).where(mine).order_by(AUDIT_LOG.c.seq.desc()).limit(MAX_SHOWN)
        with self._database.read() as connection:
            return [Entry(*row) for row in reversed(connection.execute(wanted).all())]

    def newest(self, limit: int = MAX_SHOWN, *, since: int = 0) -> list[Entry]:
        """Give the newest entries made at or after `since`, µs, newest first."""
        wanted = select(AUDIT_LOG).where(AUDIT_LOG.c.time >= since).order_by(AUDIT_LOG.c.seq.desc())
        with self._database.read() as connection:
            return [Entry(*row) for row in connection.execute(wanted.limit(limit)).all()]

    def verify(self, anchor: str | None = None) -> Verified:
        """Read the whole log and name every entry that was changed, removed or moved.

        Args:
            anchor: `seq:hash` that was kept elsewhere; that entry must still be there.

        Raises:
            RefusedError: the anchor is none.
        """
        kept = _anchor(anchor)
        faults: list[Fault] = []
        last = Entry(0, 0, "", "", "", "", "", "", NOTHING)
        count = 0
        # One view for head and entries, or what is written meanwhile would look removed.
        with self._database.read() as connection:
            head = connection.execute(select(AUDIT_HEAD)).one_or_none()
            for entry in _all(connection):
                faults += _faults(last, entry)
                if kept and entry.seq == kept[0] and entry.hash != kept[1]:
                    faults.append(Fault(entry.seq, "has another hash than the one that was kept"))
                last, count = entry, count + 1
        faults += _at_the_end(last, (head.seq, head.hash) if head else None, kept)
        return Verified(count, last.anchor, tuple(faults))


def _all(connection: Connection) -> Iterator[Entry]:
    at = -1
    while True:
        wanted = select(AUDIT_LOG).where(AUDIT_LOG.c.seq > at).order_by(AUDIT_LOG.c.seq).limit(BATCH)
        rows = connection.execute(wanted).all()
        for row in rows:
            yield Entry(*row)
        if len(rows) < BATCH:
            return
        at = rows[-1].seq


def _faults(last: Entry, entry: Entry) -> Iterator[Fault]:
    """What is wrong with an entry and its place after `last`. An entry that is not itself speaks for no other."""
    if entry.seq != last.seq + 1:
        gone = f"entries {last.seq + 1} to {entry.seq - 1} were" if entry.seq > last.seq + 2 else "the one before was"
        yield Fault(entry.seq, f"{gone} removed")
    elif entry.previous != last.hash:
        yield Fault(entry.seq, f"does not follow entry {last.seq}, which was replaced, or this one was moved here")
    if entry.hash != entry.computed():
        yield Fault(entry.seq, "was changed, or moved here from another place")


def _at_the_end(last: Entry, head: tuple[int, str] | None, kept: tuple[int, str] | None) -> Iterator[Fault]:
    if head is None:
        yield Fault(last.seq, "the record of the last entry was removed")
    elif head[0] > last.seq:
        yield Fault(head[0], f"entries {last.seq + 1} to {head[0]} were removed from the end")
    elif head != (last.seq, last.hash):
        yield Fault(last.seq, "is not the last entry that was written")
    if kept and kept[0] > last.seq:
        yield Fault(kept[0], "was kept elsewhere and is not in the log")


def _anchor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    match = _ANCHOR.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise RefusedError(f"{text!r} is no anchor", place="--anchor", next_step="write it number:hash, as verify does")
    return int(match[1]), match[2]
