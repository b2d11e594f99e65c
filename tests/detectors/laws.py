"""The laws every detector keeps, as checks over any detector and any stream. See 'A detector' in the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin

import annotated_types
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detectors.base import Detector, State
from detectors.run import hours, step
from detectors.tables import TTL, Table
from detectors.windows import SPAN, Window
from schemas.columns import COLUMNS
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.vocabulary import Confidence, Severity

Array: TypeAlias = npt.NDArray[Any]
Batch: TypeAlias = tuple[Events, int]
Law: TypeAlias = Callable[[Detector, Events], None]

CENTURY: Final = 100 * 365 * 86_400 * 1_000_000
KEYS: Final = tuple(name for name, column in COLUMNS.items() if column.dtype == np.uint64)
GROUPS: Final = 3
FLOOD_ROWS: Final = 6_000


def end_of(events: Events) -> int:
    """The watermark when a file has ended."""
    return int(events["order_time"][-1])


def run(detector: Detector, batches: Iterable[Batch], state: State | None = None) -> Array:
    """All findings on a sequence of batches, `row` counted over all of them."""
    state = detector.new_state() if state is None else state
    found, offset = [], 0
    for events, watermark in batches:
        (findings,) = step({"it": detector}, {"it": state}, events, watermark)
        findings.rows["row"] += np.where(findings.rows["row"] >= 0, offset, 0)
        found.append(findings.rows)
        offset += len(events)
    return in_order(np.concatenate([*found, np.empty(0, FINDING)]))


def in_order(rows: Array) -> Array:
    """Findings in one order, whatever the order in which equal times were reported."""
    return rows[np.lexsort((rows["severity"], rows["alert_class"], rows["entity"], rows["row"], rows["time"]))]


def same(found: Array, expected: Array) -> None:
    """Assert that two sets of findings are equal, NaN equal to NaN."""
    assert len(found) == len(expected), f"{len(found)} findings, expected {len(expected)}"
    for name in FINDING.names or ():
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def cut(events: Events, rng: np.random.Generator, pieces: int) -> Iterator[Batch]:
    """Cut a stream anywhere, empty batches included, each with any watermark that the contract allows."""
    inside = np.sort(rng.integers(0, len(events) + 1, pieces))
    watermark = int(events["order_time"][0]) - 1
    for first, last in pairwise([0, *inside.tolist(), len(events)]):
        bound = end_of(events) if last == len(events) else int(events["order_time"][last]) - 1
        watermark = bound if last == len(events) else int(rng.integers(watermark, max(bound, watermark) + 1))
        yield events.take(slice(first, last)), watermark


def law_fires(detector: Detector, events: Events) -> None:
    """The stream makes the detector speak, in findings that mean something, else the laws would hold for nothing."""
    found = run(detector, [(events, end_of(events))])
    assert len(found), f"{detector.type} has nothing to say about the stream"
    assert np.isin(found["severity"], list(Severity)).all()
    assert np.isin(found["confidence"], list(Confidence)).all()
    assert ((found["alert_class"] >= 0) & (found["alert_class"] < len(detector.classes))).all()
    assert (found["entity"] != 0).all()


def law_cuts(detector: Detector, events: Events) -> None:
    """1. Any cuts of the sequence of (events, watermark) give the same findings."""
    whole = run(detector, [(events, end_of(events))])
    for seed in range(3):
        same(run(detector, cut(events, np.random.default_rng(seed), 10 * seed + 2)), whole)


def law_keys(detector: Detector, events: Events) -> None:
    """2. Keys that never meet in one event can run apart: with the same knowledge of peers, they give the same."""
    events = beside_strangers(events)
    parts = components(events, detector.keys)
    assert len(np.unique(parts)) > 1, "the stream has one component: nothing can be taken apart"
    group = np.random.default_rng(2).permutation(parts.max() + 1)[parts] % GROUPS
    whole = run(detector, [(events, end_of(events))])
    everything = np.ones(len(events), np.bool_)
    apart = [run_rows(detector, events, group == number, everything) for number in range(GROUPS)]
    same(in_order(np.concatenate(apart)), whole)


def beside_strangers(events: Events) -> Events:
    """The stream amid a copy of itself under other names: whatever joins its keys, there are two worlds to part."""
    names = {name: np.where(events[name] == 0, 0, events[name] ^ np.uint64(0x5EED)).astype(np.uint64) for name in KEYS}
    both = Events.concat([events, events.with_columns(**names)])
    return both.take(np.argsort(both["order_time"], kind="stable"))


def components(events: Events, keys: Iterable[str]) -> Array:
    """Number each row's connected component, where rows are connected by any key that they share; shape (n,)."""
    values = np.stack([events[name] for name in keys])
    known = values != 0
    rows = np.broadcast_to(np.arange(len(events)), values.shape)[known]
    _, numbers = np.unique(values[known], return_inverse=True)
    size = len(events) + len(numbers)
    graph = coo_array((np.ones(len(rows)), (rows, len(events) + numbers)), shape=(size, size))
    found: Array = connected_components(graph, directed=False)[1][: len(events)]
    return found


def run_rows(detector: Detector, events: Events, stepped: Array, learned: Array) -> Array:
    """All findings where only the rows `stepped` are checked and only the rows `learned` teach about others."""
    state, found, offset = detector.new_state(), [np.empty(0, FINDING)], 0
    for batch, watermark in hours(events, end_of(events)):
        here = slice(offset, offset + len(batch))
        rows = np.flatnonzero(stepped[here])
        detector.learn(batch.take(learned[here]), watermark, state)
        findings = detector.step(batch.take(rows), watermark, state).rows
        findings["row"] = np.append(rows + offset, -1)[findings["row"]]
        found.append(findings)
        offset += len(batch)
    return in_order(np.concatenate(found))


def law_restore(detector: Detector, events: Events) -> None:
    """3. State written to Arrow and read back in mid-stream changes nothing: as changes, and as whole blocks."""
    whole = run(detector, [(events, end_of(events))])
    for stored in (ByChanges, ByBlocks):
        state, found, offset = detector.new_state(), [], 0
        checkpoint = stored(detector)
        for batch, watermark in cut(events, np.random.default_rng(3), 12):
            (findings,) = step({"it": detector}, {"it": state}, batch, watermark)
            findings.rows["row"] += np.where(findings.rows["row"] >= 0, offset, 0)
            found.append(findings.rows)
            offset += len(batch)
            state = checkpoint.through(state)
        same(in_order(np.concatenate(found)), whole)


def through_bytes(table: pa.Table) -> pa.Table:
    """Write an Arrow table and read it back."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


class ByBlocks:
    """A checkpoint that writes everything: blocks of tables, all entries of windows."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    def through(self, state: State) -> State:
        fresh = self.detector.new_state()
        for name, part in state.items():
            target = fresh[name]
            if isinstance(part, Table) and isinstance(target, Table):
                for number in range(part.blocks):
                    target.apply(through_bytes(part.block(number)()))
                target.ready()
            elif isinstance(part, Window) and isinstance(target, Window):
                target.restore(through_bytes(part.entries()))
        return fresh


class ByChanges:
    """A checkpoint that keeps all changes since the start; the state itself lives on only through them."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.kept: dict[str, list[pa.Table]] = {}

    def through(self, state: State) -> State:
        fresh = self.detector.new_state()
        for name, part in state.items():
            kept = self.kept.setdefault(name, [])
            kept.append(through_bytes(part.changes()))
            target = fresh[name]
            if isinstance(part, Window) and isinstance(target, Window):
                joined = pa.concat_tables(kept)
                target.restore(joined.filter(pa.array(joined["number"].to_numpy() >= part.oldest)))
            elif isinstance(target, Table):
                for changed in kept:
                    target.apply(changed)
                target.ready()
        return fresh


def law_inputs(detector: Detector, events: Events) -> None:
    """4. Inputs are not written to; an empty input gives no findings of the right type and no state."""
    before = {name: events[name].copy() for name in events.columns}
    run(detector, [(events, end_of(events))])
    for name, column in before.items():
        np.testing.assert_array_equal(events[name], column, err_msg=f"{name} was written to")
    state = detector.new_state()
    detector.learn(Events.empty(), 0, state)
    findings = detector.step(Events.empty(), 0, state)
    assert isinstance(findings, Findings)
    assert findings.rows.dtype == FINDING
    assert not len(findings)
    assert not any(len(part) for part in state.values())
    assert findings.detector == detector.type


def law_bounded(detector: Detector, events: Events) -> None:
    """5. A long stream of new keys stops growing the state: after eight lives of it no more is kept than after four."""
    state = detector.new_state()
    life = end_of(events) - int(events["order_time"][0]) + horizon(state)
    lives, sizes = [], []
    for number in range(16):
        again = _reborn(events, number, number * life)
        run(detector, [(again, end_of(again))], state)
        sizes.append(sum(part.nbytes for part in state.values()))
        if number in (3, 7):
            _drop_expired(state, end_of(again))
        lives.append({name: len(part) for name, part in state.items()})
        # Room is doubled at the whim of the stream, once: what goes on growing doubles again by the sixteenth life.
        if number == 7 and sizes[7] <= 1.25 * sizes[3]:
            break
    kept = {name: (_kept(part, name, lives[:4]), _kept(part, name, lives[4:8])) for name, part in state.items()}
    grown = {name: (before, after) for name, (before, after) in kept.items() if after > 1.25 * before + 16}
    assert not grown, f"entries in the first four lives and in the next: {grown}"
    assert sizes[-1] <= 1.25 * sizes[len(sizes) // 2 - 1], f"bytes after each life: {sizes}"


def _drop_expired(state: State, now: int) -> None:
    for part in state.values():
        part.compact(now)


def _kept(part: Table | Window, name: str, lives: list[dict[str, int]]) -> int:
    """Entries of a part: of a table after the last life; of a window the most, as the moment's number is chance."""
    return max(life[name] for life in lives) if isinstance(part, Window) else lives[-1][name]


def horizon(state: State) -> int:
    """The longest that anything is remembered, µs; a time to live of a century or more does not count as one."""
    tables = [int(part._meta[TTL]) for part in state.values() if isinstance(part, Table)]
    spans = [int(part._meta[SPAN]) for part in state.values() if isinstance(part, Window)]
    return max([span for span in tables + spans if span < CENTURY], default=0)


def _reborn(events: Events, number: int, shift: int) -> Events:
    """The same events later with all keys new, among a flood of names that are never seen again."""
    salt = np.uint64(number * 0x9E3779B97F4A7C15 % 2**64)
    keys = {name: np.where(events[name] == 0, np.uint64(0), events[name] ^ salt) for name in KEYS}
    times = {name: events[name] + shift for name in ("time", "order_time")}
    mixed, _ = flooded(events.with_columns(**keys, **times), KEYS, None, np.random.default_rng(number))
    return mixed


def law_placeholders(detector: Detector, events: Events) -> None:
    """6. Nulls form no group: without keys there are no findings, without one of them no state of nobody."""
    nobody = events.with_columns(**{name: np.zeros(len(events), np.uint64) for name in detector.keys})
    assert not len(run(detector, [(nobody, end_of(events))])), "strangers were taken for one group"
    for name in detector.keys:
        state = detector.new_state()
        partly = events.with_columns(**{name: np.zeros(len(events), np.uint64)})
        found = run(detector, [(partly, end_of(events))], state)
        assert (found["entity"] != 0).all()
        for part in state.values():
            assert_no_null_key(part)


def assert_no_null_key(part: Table | Window) -> None:
    """Assert that a part of the state holds nothing under key 0."""
    if isinstance(part, Table):
        assert len(part) == len(part.live()), "a table counts a row of key 0"
    else:
        assert (part.entries()["key"].to_numpy() != 0).all(), "a window holds entries of key 0"


def law_late(detector: Detector, events: Events) -> None:
    """7. Late rows never raise, and nothing is said about the time that the watermark has passed."""
    rng = np.random.default_rng(7)
    late = rng.random(len(events)) < 0.2
    time = np.where(late, events["time"] - rng.integers(0, 40 * 86_400 * 1_000_000, len(events)), events["time"])
    events = events.with_columns(time=time, late=late | events["late"])
    state = detector.new_state()
    passed = int(events["order_time"][0]) - 1
    for batch, watermark in cut(events, rng, 20):
        (findings,) = step({"it": detector}, {"it": state}, batch, watermark)
        found = findings.rows
        assert (found["time"] > passed).all(), "a finding about the past"
        about = found[found["row"] >= 0]
        np.testing.assert_array_equal(about["time"], batch["order_time"][about["row"]])
        passed = watermark


def law_hostile(detector: Detector, events: Events) -> None:
    """8. A flood of random names on one key changes nothing for others, as far as it does not teach about peers."""
    whole = run(detector, [(events, end_of(events))])
    for number, key in enumerate((None, *detector.keys)):
        mixed, mine = flooded(events, detector.keys, key, np.random.default_rng(number))
        found = run_rows(detector, mixed, np.ones(len(mixed), np.bool_), mine)
        positions = np.cumsum(mine) - 1
        kept = found[(found["row"] < 0) | mine[found["row"]]]
        kept = kept[(kept["row"] >= 0) | np.isin(kept["entity"], whole["entity"])]
        kept["row"] = np.where(kept["row"] >= 0, positions[kept["row"]], -1)
        same(kept, whole)


def flooded(events: Events, keys: Iterable[str], key: str | None, rng: np.random.Generator) -> tuple[Events, Array]:
    """The stream amid a flood of random names, under one value of `key` or none; and the mask of its own rows.

    The flood comes from the same tenant and issuer, unless those are keys themselves.
    """
    flood = events.take(np.sort(rng.integers(0, len(events), FLOOD_ROWS)))
    scope = {"tenant_key", "issuer_key"}
    own = scope if scope & set(keys) else set()
    names = {name: rng.integers(1, 2**63, FLOOD_ROWS).astype(np.uint64) for name in KEYS if name not in scope}
    names |= {name: np.full(FLOOD_ROWS, 0xF100D, np.uint64) for name in own | ({key} if key else set())}
    # The flood comes last among equal times: which of two simultaneous events counts first is not the question here.
    joined = Events.concat([events, flood.with_columns(**names)])
    order = np.argsort(joined["order_time"], kind="stable")
    return joined.take(order), order < len(events)


LAWS: Final[tuple[Law, ...]] = (
    law_cuts,
    law_keys,
    law_restore,
    law_inputs,
    law_bounded,
    law_placeholders,
    law_late,
    law_hostile,
)
"""The laws in the order of the documentation."""


def variants(kind: type[Detector]) -> Iterator[tuple[str, Detector]]:
    """The detector with its defaults, then with each option at each of its other values."""
    yield kind.type, kind()
    for name in kind.model_fields:
        for value, detector in varied(kind, name):
            yield f"{kind.type}[{name}={value}]", detector


def varied(kind: type[Detector], name: str) -> list[tuple[Any, Detector]]:
    """The detector with one option at each value that goes with the others' defaults."""
    found = []
    for value in other_values(kind.model_fields[name]):
        with suppress(ValidationError):
            found.append((value, kind.model_validate({name: value})))
    return found


def other_values(info: FieldInfo) -> list[Any]:
    """The values to try for one option: its examples, or else its bounds, both sides of a switch, all words.

    Options that hold a set of words are tried with each word alone.
    """
    default = info.get_default(call_default_factory=True)
    kinds = [info.annotation, *get_args(info.annotation)]
    words = [word for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum) for word in kind]
    values: list[Any]
    if info.examples:
        values = list(info.examples)
    elif words:
        values = [frozenset({word}) for word in words] if get_origin(info.annotation) is frozenset else words
    elif bool in kinds:
        values = [True, False]
    elif get_origin(info.annotation) is Literal:
        values = list(get_args(info.annotation))
    else:
        values = bounds(info, default)
    return [value for value in values if value != default]


def bounds(info: FieldInfo, default: Any) -> list[Any]:
    """The smallest and the largest value that the field's bounds allow; for open ones, a little inside."""
    tiny: Any = timedelta(seconds=1) if isinstance(default, timedelta) else 1 if isinstance(default, int) else 0.01
    found = []
    for bound in info.metadata:
        match bound:
            case annotated_types.Ge(ge=value) | annotated_types.Le(le=value):
                found.append(value)
            case annotated_types.Gt(gt=value):
                found.append(value + tiny)
            case annotated_types.Lt(lt=value):
                found.append(value - tiny)
    return found
