"""What alerts say of containment and reach: by what happens after the first bad event, however the stream is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.stream import AlertStream
from schemas.catalogue import AlertClass, DetectorCard, EntityField
from schemas.fields import format_time, parse_time
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.revisions import Incident, Revision
from schemas.vocabulary import Confidence, EntityRole, EntityType, Severity
from tests.frames import frame

T0 = parse_time("2026-03-02T09:00:00Z")
MINUTE = 60_000_000
USER = EntityField(EntityType.USER, "principal", EntityRole.VICTIM)
TOKEN = EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET)
FAMILY = EntityField(EntityType.FAMILY, "family_id", EntityRole.TARGET)
SESSION = AlertClass("session", "Session", "-", Severity.HIGH, USER, revoke="session")
CARD = DetectorCard(
    type="odd",
    version=1,
    title="Odd",
    classes=(
        AlertClass("token", "Token", "-", Severity.HIGH, TOKEN, others=(USER,), revoke="token"),
        AlertClass("family", "Family", "-", Severity.HIGH, FAMILY, others=(USER,), revoke="family"),
        SESSION,
    ),
    cool_down=timedelta(minutes=5),
)
COLUMNS = ("token_id", "family_id", "principal")


def use(at: float, **fields: Any) -> dict[str, Any]:
    known = {"type": "key-use", "operation": "authenticate", "outcome": "success", "iss": "https://id"}
    names = {"sub": "ana", "token_id": "t1", "family_id": "f1", "session_id": "s1"}
    return {**known, **names, "time": format_time(T0 + round(at * MINUTE)), **fields}


def revoke(at: float, scope: str, **fields: Any) -> dict[str, Any]:
    return use(at, type="revoke", operation=None, outcome=None, revoke_scope=scope) | fields


def findings(events: Events, rows: Sequence[int], kind: int) -> Findings:
    found = np.zeros(len(rows), FINDING)
    for name in ("observed", "threshold", "baseline"):
        found[name] = np.nan
    found["row"], found["time"] = rows, events["order_time"][list(rows)]
    found["entity"], found["alert_class"] = events[COLUMNS[kind]][list(rows)], kind
    found["severity"], found["confidence"] = Severity.HIGH, Confidence.HIGH
    return Findings.of("odd", found)


def fold(
    lines: Sequence[dict[str, Any]], marks: Sequence[tuple[int, int]], cuts: Sequence[int] = (), minutes: float = 60
) -> tuple[list[Revision], dict[str, Incident]]:
    """Fold with findings of a class at some rows, cut and restored before some."""
    events = frame([{**line, "event_id": f"e{i:03}", "seq": i} for i, line in enumerate(lines)])
    stream, revisions, incidents = AlertStream([CARD]), list[Revision](), dict[str, Incident]()
    for start, stop in pairwise([0, *sorted(set(cuts)), len(events)]):
        mark = int(events["order_time"][stop]) - 1 if stop < len(events) else T0 + round(minutes * MINUTE)
        part = events.take(slice(start, stop))
        own = [(row - start, kind) for row, kind in marks if start <= row < stop]
        found = [findings(part, [row], kind) for row, kind in sorted(own)]
        out = stream.fold([Findings.concat("odd", found)], part, mark)
        revisions += out.revisions
        incidents |= {incident.incident_id: incident for incident in out.incidents}
        restored = AlertStream([CARD])
        restored.load({name: data() if callable(data) else data for name, data in stream.dump().items()})
        stream = restored
    return revisions, incidents


END = format_time(T0 + 30 * MINUTE)
REFUSED = {"type": "verify-failure", "outcome": None, "operation": None, "reason": "expired"}


@pytest.mark.parametrize(
    ("kind", "lines", "state", "until", "calls"),
    [
        pytest.param(0, [use(0, exp=END), use(1), use(2)], "live", END, 3, id="goes on: live until it expires"),
        pytest.param(0, [use(0), use(1)], "live", None, 2, id="nobody said when it expires"),
        pytest.param(0, [use(0, exp=format_time(T0 + MINUTE))], "expired", format_time(T0 + MINUTE), 1, id="over"),
        pytest.param(0, [use(0), revoke(1, "token")], "revoked", None, 1, id="revoked itself"),
        pytest.param(0, [use(0), revoke(1, "family")], "revoked", None, 1, id="a token ends with its family"),
        pytest.param(1, [use(0), revoke(1, "token")], "live", None, 1, id="a family does not end with a token"),
        pytest.param(2, [use(0), revoke(1, "session")], "revoked", None, 1, id="a session"),
        pytest.param(2, [use(0), revoke(1, "session", session_id="s2")], "live", None, 1, id="another session"),
        pytest.param(0, [use(0), revoke(1, "subject"), use(3)], "live", None, 2, id="works in spite of it"),
        pytest.param(0, [use(0), revoke(1, "subject"), use(1.5)], "revoked", None, 2, id="was under way"),
        pytest.param(
            0, [use(0), revoke(1, "token", effective_at=END)], "live", None, 1, id="takes effect later than the alert"
        ),
        pytest.param(0, [use(0), revoke(1, "token", reason="rotation")], "live", None, 1, id="rotation ends nothing"),
        pytest.param(0, [use(0), use(1, token_id="t2")], "live", None, 1, id="another token"),
        pytest.param(0, [use(0), use(1, **REFUSED)], "live", None, 1, id="what was refused is no call"),
        pytest.param(0, [use(0, count=7), use(1, count=5)], "live", None, 12, id="records that stand for several"),
        pytest.param(0, [use(0, **REFUSED)], None, None, 0, id="nothing worked, and no token is known"),
        pytest.param(
            1,
            [use(0), use(1, type="refresh", operation=None, outcome=None, token_id="t2", parent_id="t1")],
            "live",
            None,
            2,
            id="a family's refreshes",
        ),
    ],
)  # fmt: skip
def test_containment_follows_what_happens(
    kind: int, lines: list[dict[str, Any]], state: str | None, until: str | None, calls: int
) -> None:
    revisions, incidents = fold(lines, [(0, kind)])
    closed = revisions[-1].alert
    assert (
        closed.containment is None
        if state is None
        else (
            closed.containment is not None
            and (closed.containment.state, closed.containment.live_until) == (state, until)
        )
    )
    assert closed.blast_radius is not None
    assert closed.blast_radius.calls == calls
    (incident,) = incidents.values()
    assert incident.containment == closed.containment
    assert incident.blast_radius == closed.blast_radius


def test_only_calls_from_the_first_bad_event_on_count() -> None:
    lines = [use(0, aud=["a"]), use(1, aud=["b"], scope="read write"), use(2, aud=["c"], scope="read admin")]
    revisions, _ = fold(lines, [(1, 0)])
    opened, closed = revisions[0].alert.blast_radius, revisions[-1].alert.blast_radius
    assert opened is not None
    assert (opened.calls, opened.aud, opened.scopes) == (1, ["b"], ["read", "write"])
    assert closed is not None
    assert (closed.calls, closed.aud, closed.scopes) == (2, ["b", "c"], ["read", "write", "admin"])


def test_hostile_names_are_cleaned_and_bounded() -> None:
    lines = [use(i / 100, aud=[f"a{i}\x1b[31m", "x" * 500]) for i in range(50)]
    radius = fold(lines, [(0, 0)])[0][-1].alert.blast_radius
    assert radius is not None
    assert len(radius.aud) == 20
    assert all(name.isprintable() and len(name) <= 200 for name in radius.aud)


def test_an_incident_counts_a_call_once_and_is_live_while_one_of_its_alerts_is() -> None:
    lines = [use(0), use(1), use(2, token_id="t2"), revoke(3, "token")]
    revisions, incidents = fold(lines, [(0, 0), (0, 2)])
    (incident,) = incidents.values()
    assert incident.blast_radius is not None
    assert incident.blast_radius.calls == 3
    assert incident.containment is not None
    assert incident.containment.state == "live"
    assert {r.alert.containment.state for r in revisions[-2:] if r.alert.containment} == {"live", "revoked"}


def test_an_incident_goes_on_after_its_alerts_for_a_day() -> None:
    lines = [use(0), use(600), use(60 * 24 * 2)]
    _, incidents = fold(lines, [(0, 0)], cuts=[1, 2], minutes=60 * 24 * 3)
    (incident,) = incidents.values()
    assert incident.blast_radius is not None
    assert incident.blast_radius.calls == 2


def test_an_incident_that_is_over_reaches_on_whatever_came_in_one_batch_with_its_end() -> None:
    lines = [use(0), use(600), use(60 * 24 + 8)]
    (whole,) = [it for it in fold(lines, [(0, 0), (2, 0)])[1].values() if it.start == T0]
    (cut,) = [it for it in fold(lines, [(0, 0), (2, 0)], cuts=[1])[1].values() if it.start == T0]
    assert whole == cut
    assert whole.blast_radius is not None
    assert whole.blast_radius.calls == 2


steps = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from("abc"),
        st.sampled_from("xyz"),
        st.sampled_from(["use", "revoke", "refused"]),
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(steps, st.lists(st.tuples(st.integers(0, 39), st.integers(0, 2)), max_size=12), st.sets(st.integers(1, 39)))
def test_cuts_and_restarts_change_nothing(
    drawn: list[tuple[int, str, str, str]], marks: list[tuple[int, int]], cuts: set[int]
) -> None:
    times = np.cumsum([gap**2 / 4 for gap, *_ in drawn]).tolist()
    make: dict[str, Callable[..., dict[str, Any]]] = {
        "use": use,
        "revoke": lambda at, **names: revoke(at, "token", **names),
        "refused": lambda at, **names: use(at, **REFUSED | names),
    }
    lines = [
        make[act](at, token_id=token, family_id=f"f{token}", sub=user, session_id=f"s{user}", aud=[user])
        for at, (_, user, token, act) in zip(times, drawn, strict=True)
    ]
    known = sorted({(row, kind) for row, kind in marks if row < len(lines)})
    whole, incidents = fold(lines, known, minutes=times[-1] + 1)
    cut, cut_incidents = fold(lines, known, [at for at in cuts if at < len(lines)], minutes=times[-1] + 1)
    assert [revision.body for revision in cut] == [revision.body for revision in whole]
    assert cut_incidents == {**cut_incidents, **incidents}
