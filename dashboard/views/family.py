"""A refresh-token family as a chain: each redemption, who made it, and where a spent token came back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import altair as alt
import pandas as pd

from dashboard.safe import visible
from dashboard.theme import ACCENT
from dashboard.views.charts import INK, legend, utc_axis, utc_tooltip
from dashboard.views.events import entity_link, event_link
from dashboard.words import SECOND
from store.events import EventRow

HEIGHT: Final = 260
ISSUE, ROTATION, REUSE, REFUSED, REVOKED = "issue", "refresh", "reuse", "refused", "revoked"
_COLOURS: Final = {ISSUE: "#2ca02c", ROTATION: ACCENT, REUSE: "#d62728", REFUSED: "#d62728", REVOKED: "#7f7f7f"}
_SHAPES: Final = {ISSUE: "square", ROTATION: "circle", REUSE: "cross", REFUSED: "triangle-down", REVOKED: "diamond"}
COLUMNS: Final = (
    *("time", "event_id", "type", "token_type", "token_id", "parent_id", "generation", "reason"),
    *("client_id", "sub", "device_id", "ip", "asn", "country", "city", "user_agent", "ja4"),
)


class Step(NamedTuple):
    """One step of a family.

    Attributes:
        kind: `issue`, `refresh`, `reuse` (a spent token redeemed again), `refused`, `revoked`.
        token: the refresh token that this gave, or that was refused.
        parent: the one that was redeemed for it.
        branch: 0 for the chain as it was meant, from 1 on for each branch off a spent token.
        depth: generation in the chain.
        row: the event.
    """

    kind: str
    token: str
    parent: str
    branch: int
    depth: int
    row: EventRow


def chain(rows: Iterable[EventRow]) -> list[Step]:
    """Read the steps from the events of one family, oldest first; uses of access tokens are none."""
    steps, branch_of, depth_of = list[Step](), dict[str, int](), dict[str, int]()
    spent, branches = set[str](), 0
    for row in rows:
        token, parent = row.get("token_id") or "", row.get("parent_id") or ""
        refresh = row.get("token_type") in (None, "refresh")
        branch, depth = branch_of.get(parent or token, 0), depth_of.get(parent or token, 0)
        if row["type"] == "refresh":
            again = parent in spent
            branches += again
            branch = branches if again else branch
            spent.add(parent)
            kind, depth = REUSE if again else ROTATION, depth + 1
        elif row["type"] == "issue" and refresh:
            kind = ISSUE
        elif row["type"] == "verify-failure" and refresh:
            branches += 1
            branch, kind, depth = branches, REUSE if token in spent else REFUSED, depth + 1
        elif row["type"] == "revoke":
            kind = REVOKED
        else:
            continue
        if kind in (ISSUE, ROTATION, REUSE) and row["type"] != "verify-failure":
            branch_of[token], depth_of[token] = branch, depth
        steps.append(Step(kind, token, parent, branch, depth, row))
    return steps


def chain_chart(steps: list[Step]) -> alt.LayerChart:
    """The chain from left to right by generation; a branch off a spent token leaves it downwards."""
    points = pd.DataFrame([_point(step) for step in steps])
    lines = pd.DataFrame(_lines(steps), columns=["line", "time", "branch", "kind"])
    times = points["time"].astype("datetime64[us, UTC]").astype("int64")
    window = int(times.min()), max(int(times.max()), int(times.min()) + SECOND)
    colour = alt.Color("kind:N", scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())), legend=legend())
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=list(_SHAPES), range=list(_SHAPES.values())), legend=legend())
    level = alt.Y(
        "branch:O",
        title="branch",
        axis=alt.Axis(labelColor=INK, titleColor=INK, labelExpr="datum.value == 0 ? 'chain' : 'off ' + datum.value"),
    )
    tips = [alt.Tooltip(f"{name}:N") for name in ("kind", "token", "parent", "address", "device", "client")]
    drawn = (
        alt.Chart(lines)
        .mark_line(strokeWidth=2)
        .encode(x=utc_axis("time", window), y=level, detail="line:N", color=colour, order="time:T")
    )
    marks = (
        alt.Chart(points, height=HEIGHT)
        .mark_point(filled=True, size=150, opacity=1)
        .encode(
            x=utc_axis("time", window), y=level, color=colour, shape=shape, tooltip=[utc_tooltip("time", "Time"), *tips]
        )
    )
    chart: alt.LayerChart = drawn + marks
    return chart


def _point(step: Step) -> dict[str, Any]:
    row = step.row
    return {
        "time": row["time"],
        "branch": step.branch,
        "kind": step.kind,
        "token": visible(step.token),
        "parent": visible(step.parent),
        "address": visible(row.get("ip")),
        "device": visible(row.get("device_id")),
        "client": visible(row.get("client_id")),
    }


def _lines(steps: list[Step]) -> list[tuple[int, Any, int, str]]:
    """From each token to what came of it; a refusal hangs on the token that was refused."""
    given = {step.token: step for step in steps if step.kind in (ISSUE, ROTATION) or step.parent}
    found = []
    for number, step in enumerate(steps):
        origin = given.get(step.parent or step.token)
        if origin is not None and origin is not step and step.kind != REVOKED:
            found += [(number, it.row["time"], it.branch, step.kind) for it in (origin, step)]
    return found


def generation_table(steps: Iterable[Step]) -> pd.DataFrame:
    """Who held each generation: `Generation`, `Step`, `Time (UTC)`, `Token`, holder, `Event` and `Page` (addresses)."""
    rows = [
        {
            "Generation": step.depth,
            "Step": step.kind,
            "Branch": "chain" if step.branch == 0 else f"off {step.branch}",
            "Time (UTC)": pd.Timestamp(step.row["time"]),
            "Token": visible(step.token),
            "Address": visible(step.row.get("ip")),
            "Country": visible(step.row.get("country")),
            "Device": visible(step.row.get("device_id")),
            "Client": visible(step.row.get("client_id")),
            "User agent": visible(step.row.get("user_agent")),
            "Event": event_link(step.row["event_id"], pd.Timestamp(step.row["time"]).value // 1_000),
            "Page": entity_link("token", step.token) if step.token else None,
        }
        for step in steps
    ]
    return pd.DataFrame(rows)


def suspicious(steps: list[Step]) -> tuple[EventRow, EventRow] | None:
    """The event by which the token was given that was misused first, and the misuse; None where there is none."""
    bad = next((step for step in steps if step.kind in (REUSE, REFUSED)), None)
    if bad is None:
        return None
    misused = bad.parent or bad.token
    giver = next((step for step in steps if step.token == misused and step.kind in (ISSUE, ROTATION)), None)
    # A family whose beginning is no longer kept: the holder that redeemed the token first stands for it.
    rightful = giver or next((step for step in steps if step.parent == misused and step.kind == ROTATION), None)
    return (rightful.row, bad.row) if rightful is not None else None
