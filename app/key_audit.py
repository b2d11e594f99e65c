"""The audit of keys: what each was used for, from its making to its last signature, and what is wrong with that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from detectors.acts import refused
from detectors.registry import DETECTORS
from engines.keybook import ALWAYS, KeyBook
from schemas.fields import format_time
from schemas.frame import Events
from schemas.revisions import Revision
from schemas.vocabulary import EntityType, EventType, Operation, Severity, code

DETECTORS_OF_KEYS: Final = tuple(name for name, detector in DETECTORS.items() if detector.keys == ("key_id",))
MAX_KEYS: Final = 100_000
MAX_PRINCIPALS: Final = 1_000
"""Principals of one key that are told apart."""
SHOWN_PRINCIPALS: Final = 20
_DAY: Final = 86_400_000_000
_SIGNING: Final = frozenset({EventType.ISSUE.value, EventType.REFRESH.value, Operation.SIGN.value})
_BY_OWNERS: Final = frozenset({*_SIGNING, Operation.VERIFY.value, Operation.AUTHENTICATE.value}) - {
    Operation.SIGN.value
}
"""Uses whose subject owns the token and does not hold the key."""
_REFUSED: Final = "refused"
_OPERATIONS: Final = np.array([*(operation.value for operation in Operation), Operation.VERIFY.value])
"""By code of the operation; the last is null's: a token was used, and so verified."""
_TYPES: Final = np.array([kind.value for kind in EventType])


class KeyName(NamedTuple):
    """What tells one key from another."""

    tenant: str | None
    iss: str | None
    key_id: str


class KeyLine(BaseModel):
    """One key. Times are RFC 3339; `days` is for how long it signed or encrypted, counted from what `since` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: str | None
    iss: str | None
    key_id: str
    created: str | None = None
    first_seen: str | None = None
    first_use: str | None = None
    last_sign: str | None = None
    last_use: str | None = None
    retired: str | None = None
    compromised: str | None = None
    days: int | None = None
    since: str | None = None
    operations: dict[str, int] = {}
    principals: list[str] = []
    principal_count: int = 0
    findings: list[str] = []
    change: str = ""

    @property
    def name(self) -> KeyName:
        """What tells it from others."""
        return KeyName(self.tenant, self.iss, self.key_id)


class _Uses:
    """What events tell of one key, times in µs."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.principals: set[str] = set()
        self.times: dict[str, tuple[int, int]] = {}
        """Use → its first and last time."""

    def add(self, use: str, principal: str | None, times: tuple[int, int], count: int) -> None:
        """Add uses of one kind by one principal."""
        self.operations[use] += count
        first, last = self.times.get(use, times)
        self.times[use] = min(first, times[0]), max(last, times[1])
        if principal is not None and use not in _BY_OWNERS | {_REFUSED} and len(self.principals) < MAX_PRINCIPALS:
            self.principals.add(principal)

    def bounds(self, uses: Iterable[str]) -> tuple[int, int] | tuple[None, None]:
        """Give the first and the last time of some uses."""
        times = [self.times[use] for use in uses if use in self.times]
        return (min(first for first, _ in times), max(last for _, last in times)) if times else (None, None)


class KeyAudit:
    """Gathers what events and alerts tell of keys.

    Args:
        book: what is known of keys besides, if anything.
    """

    def __init__(self, book: KeyBook | None) -> None:
        self._book = book
        self.omitted = 0
        """Events of further keys than `MAX_KEYS`."""
        self._uses: dict[KeyName, _Uses] = {}
        self._alerts: dict[str, Revision] = {}

    def note(self, events: Events) -> None:
        """Count the events that name a key."""
        rows = np.flatnonzero(events["key_id"] != 0)
        if not len(rows):
            return
        text = events.text.gather(rows, ["tenant", "iss", "key_id", "sub", "client_id"])
        principal = pc.coalesce(text["sub"], text["client_id"])
        table = text.drop_columns(["sub", "client_id"])
        table = table.append_column("principal", principal).append_column("use", pa.array(_words(events)[rows]))
        table = table.append_column("time", pa.array(events["time"][rows]))
        keys = ["tenant", "iss", "key_id", "use", "principal"]
        found = table.group_by(keys, use_threads=False).aggregate([("time", "min"), ("time", "max"), ("time", "count")])
        for group in found.to_pylist():
            name = KeyName(group["tenant"], group["iss"], group["key_id"])
            if name not in self._uses and len(self._uses) >= MAX_KEYS:
                self.omitted += group["time_count"]
                continue
            times = group["time_min"], group["time_max"]
            self._uses.setdefault(name, _Uses()).add(group["use"], group["principal"], times, group["time_count"])

    def judge(self, revisions: Iterable[Revision]) -> None:
        """Take in what the detectors say."""
        self._alerts.update({revision.alert.alert_id: revision for revision in revisions})

    def lines(self) -> list[KeyLine]:
        """Give every key, those with the worst findings first."""
        found = self._findings()
        known = self._book.known() if self._book else ()
        facts = {KeyName(tenant, iss, key_id): stated for tenant, iss, key_id, stated in known}
        worst = {name: max(findings.values()) for name, findings in found.items()}
        names = sorted({*self._uses, *facts, *found}, key=lambda name: (-worst.get(name, -1), *map(str, name)))
        return [_line(name, self._uses.get(name, _Uses()), facts.get(name, {}), found.get(name, {})) for name in names]

    def _findings(self) -> dict[KeyName, dict[str, Severity]]:
        """Give the worst severity of each class of alerts about each key."""
        found: dict[KeyName, dict[str, Severity]] = {}
        for revision in self._alerts.values():
            alert = revision.alert
            entity = alert.entities[0]
            if entity.type is EntityType.KEY:
                findings = found.setdefault(KeyName(alert.tenant, alert.iss, entity.id), {})
                what = f"{alert.detector}: {alert.alert_class}"
                findings[what] = max(revision.severity, findings.get(what, revision.severity))
        return found


def compared(lines: Iterable[KeyLine], former: Iterable[KeyLine]) -> list[KeyLine]:
    """Mark what is new, changed and gone since a former audit."""
    before = {line.name: line for line in former if line.change != "gone"}
    marked = [line.model_copy(update={"change": _change(line, before.pop(line.name, None))}) for line in lines]
    return [*marked, *(line.model_copy(update={"change": "gone"}) for line in before.values())]


def _change(line: KeyLine, former: KeyLine | None) -> str:
    if former is None:
        return "new"
    names = [name for name in KeyLine.model_fields if name != "change" and getattr(line, name) != getattr(former, name)]
    return f"changed: {', '.join(names)}" if names else ""


def _words(events: Events) -> npt.NDArray[Any]:
    """Give a word for what each event does with its key, (n,)."""
    kinds = events["type"]
    words = np.where(kinds == code(EventType.KEY_USE), _OPERATIONS[events["operation"]], _TYPES[kinds])
    return np.where(refused(events), _REFUSED, words)


def _line(name: KeyName, uses: _Uses, facts: Mapping[str, int], findings: Mapping[str, Severity]) -> KeyLine:
    made, _ = uses.bounds([Operation.CREATE.value])
    created, seen = facts.get("key_created", made), facts.get("key_first_seen")
    first_use, last_use = uses.bounds(uses.times)
    _, last_sign = uses.bounds(_SIGNING)
    days, since = _age({"created": created, "first seen": seen, "first use": first_use}, uses)
    return KeyLine(
        **name._asdict(),
        created=_time(created),
        first_seen=_time(seen),
        first_use=_time(first_use),
        last_sign=_time(last_sign),
        last_use=_time(last_use),
        retired=_time(facts.get("key_retired")),
        compromised=_time(facts.get("key_compromised")),
        days=days,
        since=since,
        operations=dict(sorted(uses.operations.items())),
        principals=sorted(uses.principals)[:SHOWN_PRINCIPALS],
        principal_count=len(uses.principals),
        findings=[
            f"{severity.name.lower()}: {what}"
            for what, severity in sorted(findings.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def _age(begins: Mapping[str, int | None], uses: _Uses) -> tuple[int, str] | tuple[None, None]:
    """Give for how many days a key has signed or encrypted, and from when that counts: the first that is known."""
    _, last = uses.bounds([*_SIGNING, Operation.ENCRYPT.value, Operation.WRAP.value])
    known = ((max(0, last - begun) // _DAY, word) for word, begun in begins.items() if begun is not None and last)
    return next(known, (None, None))


def _time(micros: int | None) -> str | None:
    return None if micros is None or micros == ALWAYS else format_time(micros)
