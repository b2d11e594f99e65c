"""Episodes: the findings of one detector on one entity within its cool-down are one alert.

A revision is published when an episode opens, when its severity rises, its class changes or a new entity appears, at
2, 4, 8, … findings, and when it closes. Revisions are a fold over the findings in the order of (time, row, detector),
timers after the events of their time: every cut of the stream gives the same ones. Findings between two revisions only
move counters, so a flood of them costs a few array operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, Final

import numpy as np
import orjson

from alerts.entities import MAX_ID_CHARS, Row, entity_of, keys, text_fields
from alerts.episode import Episode
from alerts.evidence import COLUMNS, FIRST, LAST, Attempts, Item, item_of
from alerts.names import Names
from alerts.runs import MAX_ENTITIES, Array, Batch, Run
from schemas.alerts import Change, Entity
from schemas.catalogue import AlertClass, DetectorCard
from schemas.fields import micros
from schemas.findings import Findings
from schemas.frame import Events
from schemas.revisions import scoped_id
from schemas.vocabulary import Severity

CONTEXT: Final = (
    "source",
    "tenant",
    "iss",
    "sub",
    "username",
    "client_id",
    "token_id",
    "session_id",
    "grant_id",
    "key_id",
    "ip_role",
)
"""Fields of the opening event that advice and incidents look at."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A revision before it has an incident and a risk; drafts are taken in the order of `order`.

    Attributes:
        row: last row of the batch that it could know of.
        opening: row of the event that opens the alert; -1 for a timer, and for an alert that goes on.
        about: type and key of the entity it is about.
    """

    order: tuple[Any, ...]
    time: int
    severity: Severity
    body: dict[str, Any]
    context: Row
    row: int
    opening: int
    about: tuple[str, int]


class _Texts:
    """Readable fields of the rows that a batch's revisions show."""

    def __init__(self, rows: Array, lines: Sequence[Row]) -> None:
        self._lines = dict(zip(rows.tolist(), lines, strict=True))
        self._items: dict[int, Item] = {}

    def row(self, row: int) -> Row | None:
        """Fields of one row; None for a timer."""
        return self._lines.get(row)

    def items(self, rows: Array) -> list[Item]:
        """Evidence of some rows."""
        return [self._item(row) for row in rows.tolist()]

    def _item(self, row: int) -> Item:
        if row not in self._items:
            self._items[row] = item_of(self._lines[row])
        return self._items[row]


class Episodes:
    """All open episodes.

    Args:
        cards: the detectors in their order, which settles ties. Findings name them by `type`.
        names: what timer findings are about.
    """

    def __init__(self, cards: Sequence[DetectorCard], names: Names) -> None:
        self._cards = list(cards)
        self._order = {card.type: number for number, card in enumerate(cards)}
        self._cool_down = [micros(card.cool_down) for card in cards]
        self._names = names
        self._attempts = Attempts()
        self._open: dict[tuple[int, str, int], Episode] = {}
        self._deadlines: list[tuple[int, tuple[int, str, int]]] = []
        fields = [f for card in cards for kind in card.classes for f in (kind.entity, *kind.others)]
        shown = [name for field in fields for name in text_fields(field)]
        self._columns = tuple(dict.fromkeys([*COLUMNS, *CONTEXT, "login", *shown]))

    def __len__(self) -> int:
        """Number of open episodes."""
        return len(self._open)

    def fold(self, findings: Sequence[Findings], events: Events, watermark: int) -> list[Draft]:
        """Take in the findings on one batch and give the drafts they publish, in order.

        Args:
            findings: of every detector on `events`; rows refer to it.
            events: the batch, in event-time order.
            watermark: no later event has an `order_time` at or below it, µs.
        """
        self._attempts.note(events)
        batch = Batch.of(findings, events, self._order)
        runs = [run for key, at in batch.groups(self._cards) for run in self._runs(batch, key, at)]
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *(run.needed() for _, run in runs)]))
        texts = _Texts(rows, events.rows(rows, self._columns) if len(rows) else [])
        drafts = [draft for key, run in runs for draft in self._apply(key, run, texts)]
        return sorted([*drafts, *self._expire(events, watermark)], key=lambda draft: draft.order)

    def _runs(self, batch: Batch, key: tuple[int, str, int], at: Array) -> Iterator[tuple[tuple[int, str, int], Run]]:
        times = batch.rows["time"][at]
        pause = self._cool_down[key[0]]
        parts = np.split(at, np.flatnonzero(np.diff(times) > pause) + 1)
        before = self._open.get(key)
        going_on = before if before is not None and times[0] - before.end <= pause else None
        for part in parts:
            yield key, Run(batch, self._cards[key[0]], part, going_on)
            going_on = None

    def _apply(self, key: tuple[int, str, int], run: Run, texts: _Texts) -> Iterator[Draft]:
        episode = run.open
        if episode is None:
            if key in self._open:
                yield self._close(self._open.pop(key), run.batch.events)
            episode = self._begin(key, run, texts)
        first, last, events = list(episode.first), list(episode.last), episode.events
        done = 0
        for position in [*run.triggers.tolist(), None]:
            end = len(run.at) if position is None else position + 1
            change = self._advance(episode, run, done, end, texts)
            seen = run.seen(end - 1)
            newest = run.evidence[max(0, seen - LAST) : seen]
            episode.first = first + texts.items(run.evidence[: min(seen, FIRST - len(first))])
            episode.last = (last + texts.items(newest))[-LAST:]
            episode.events = events + seen
            if position is not None and change is not None:
                order = (episode.end, 0, int(run.at[position]))
                opening = run.row(position) if change is Change.NEW else -1
                yield self._draft(episode, change, episode.end, order, run.look_back(position), opening)
            done = end

    def _advance(self, episode: Episode, run: Run, start: int, end: int, texts: _Texts) -> Change | None:
        """Take in the findings [start, end); only the last of them may be news. Give what is new."""
        if start == end:
            return None
        news = self._judge(episode, run, end - 1, texts)
        latest = run.latest_of(episode.rank, start, end)
        if latest is not None:
            episode.measured = run.batch.measured(int(run.at[latest]))
        episode.count += end - start
        episode.end = int(run.times[end - 1])
        if news is None and episode.count > 1 and episode.count.bit_count() == 1:
            return Change.COUNT
        return news

    def _judge(self, episode: Episode, run: Run, position: int, texts: _Texts) -> Change | None:
        listed = self._list_entities(episode, run, position, texts)
        rank, before = int(run.ranks[position]), episode.rank
        opened = episode.count == 0 and position == 0
        if rank > before:
            severity = episode.severity
            episode.rank = rank
            return Change.SEVERITY if episode.severity > severity else Change.CLASS
        if opened:
            return Change.NEW
        return Change.ENTITY if listed else None

    def _list_entities(self, episode: Episode, run: Run, position: int, texts: _Texts) -> bool:
        row = texts.row(run.row(position))
        if row is None:
            return False
        kind = self._cards[episode.detector].classes[run.class_at(position)]
        before = len(episode.entities)
        for field in (kind.entity, *kind.others):
            key = int(keys(run.batch.events, field, np.array([run.row(position)]))[0])
            known = episode.known.setdefault(field.type.value, [])
            if key and key not in known and len(known) < MAX_ENTITIES and (entity := entity_of(field, row)):
                known.append(key)
                _append_new(episode.entities, entity)
        return len(episode.entities) > before

    def _begin(self, key: tuple[int, str, int], run: Run, texts: _Texts) -> Episode:
        number, entity_type, entity_key = key
        card, time = self._cards[number], int(run.times[0])
        kind = card.classes[run.class_at(0)]
        row = texts.row(run.row(0)) or {}
        entity, tenant, iss = self._main_entity(kind, entity_key, row)
        episode = Episode(
            number,
            entity_type,
            entity_key,
            scoped_id("alert", tenant, iss, card.type, entity_type, entity.id, time, *_apart(run, kind, entity_key)),
            tenant,
            iss,
            time,
            time,
            int(run.ranks[0]),
            run.batch.measured(int(run.at[0])),
            entities=[entity],
            context={name: row[name] for name in CONTEXT if name in row},
        )
        related = self._attempts.items(run.related(0), run.look_back(0))
        episode.first, episode.events = related[:FIRST], len(related)
        self._open[key] = episode
        heappush(self._deadlines, (time + self._cool_down[number], key))
        return episode

    def _main_entity(self, kind: AlertClass, key: int, row: Row) -> tuple[Entity, str | None, str | None]:
        found = entity_of(kind.entity, row)
        if found is not None:
            return found, row.get("tenant"), row.get("iss")
        name, tenant, iss = self._names.get(key) or (f"{key:016x}", row.get("tenant"), row.get("iss"))
        named = Entity(type=kind.entity.type, id=name[:MAX_ID_CHARS], role=kind.entity.role, tenant=tenant)
        return named, tenant, iss

    def _expire(self, events: Events, watermark: int) -> Iterator[Draft]:
        while self._deadlines and self._deadlines[0][0] <= watermark:
            _, key = heappop(self._deadlines)
            episode = self._open.get(key)
            if episode is None:
                continue
            deadline = episode.end + self._cool_down[key[0]]
            if deadline <= watermark:
                yield self._close(self._open.pop(key), events)
            else:
                heappush(self._deadlines, (deadline, key))

    def _close(self, episode: Episode, events: Events) -> Draft:
        deadline = episode.end + self._cool_down[episode.detector]
        row = int(np.searchsorted(events["order_time"], deadline, "right")) - 1
        return self._draft(episode, Change.CLOSED, deadline, (deadline, 1, *episode.key), row)

    def _draft(
        self, episode: Episode, change: Change, time: int, order: tuple[Any, ...], row: int, opening: int = -1
    ) -> Draft:
        body = episode.revise(change, time, self._cards[episode.detector])
        return Draft(order, time, episode.severity, body, episode.context, row, opening, episode.key[1:])

    def dump(self) -> dict[str, bytes]:
        """Write the state, by part. Detectors are named, so that others may come and go between runs."""
        episodes = [episode.record() | {"detector": self._cards[key[0]].type} for key, episode in self._open.items()]
        return {"episodes": orjson.dumps(episodes), "attempts": self._attempts.dump()}

    def load(self, parts: Mapping[str, bytes]) -> None:
        """Undo `dump`. Episodes of detectors that are no longer there are dropped."""
        stored: list[dict[str, Any]] = orjson.loads(parts["episodes"])
        known = [record for record in stored if record["detector"] in self._order]
        episodes = [Episode.of_record(record | {"detector": self._order[record["detector"]]}) for record in known]
        self._open = {episode.key: episode for episode in episodes}
        self._deadlines = [(e.end + self._cool_down[e.detector], e.key) for e in episodes]
        heapify(self._deadlines)
        self._attempts.load(parts["attempts"])


def _apart(run: Run, kind: AlertClass, key: int) -> list[int]:
    """Give what tells an episode from others of the same entity, whose name alone would give them one id.

    Nothing for most: the key of the episode is that of the entity which the event names. Else how the two differ, which
    does not depend on the secret that keys are hashed with where a detector adds a public word to the entity's key.
    """
    row = run.row(0)
    if row < 0:
        return []
    own = int(keys(run.batch.events, kind.entity, np.array([row]))[0])
    return [key ^ own] if own not in (0, key) else []


def _append_new(entities: list[Entity], entity: Entity) -> None:
    same = (entity.type, entity.id, entity.tenant)
    if all((other.type, other.id, other.tenant) != same for other in entities):
        entities.append(entity)
