"""The handover note as Markdown: nothing in it comes alive where it is pasted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dashboard.safe import safe
from dashboard.theme import severity_label
from dashboard.words import counted, status_name
from schemas.vocabulary import Severity
from store.handover import Alerts, Comments, Handover, NotedAlert, NotedComment, NotedSuppression

LONG: Final = 1_000
"""Characters kept of a reason or comment."""
NOBODY: Final = "nobody"
_PLAIN: Final = re.compile(r"[0-9A-Za-z-]+", re.ASCII)


def markdown(note: Handover) -> str:
    """Write the note, a section for each list that has anything in it."""
    parts = ["# Shift handover", f"{_clock(note.since)} to {_clock(note.at)}: {_summary(note)}."]
    parts += _section("Overdue", note.overdue, map(_open, note.overdue.shown))
    parts += _section("New", note.new, map(_open, note.new.shown))
    parts += _section("In progress", note.in_progress, _by_owner(note.in_progress.shown))
    parts += _section("Resolved", note.resolved, map(_resolved, note.resolved.shown))
    if note.suppressions:
        parts += ["## Suppressions", "\n".join(map(_suppression, note.suppressions))]
    parts += _section("Comments", note.comments, map(_comment, note.comments.shown))
    return "\n\n".join(parts) + "\n"


def _summary(note: Handover) -> str:
    numbers = (
        f"{counted(note.found, 'alert')} found, {note.new.total} of them still new",
        f"{note.older} older ones that nobody has taken",
        f"{note.in_progress.total} in progress",
        f"{note.overdue.total} overdue",
        f"{note.resolved.total} resolved",
    )
    return ", ".join(numbers)


def _section(title: str, found: Alerts | Comments, lines: Iterable[str]) -> list[str]:
    if not found.total:
        return []
    more = found.total - len(found.shown)
    return [f"## {title} ({found.total})", "\n".join([*lines, *([f"- and {more} more"] if more else [])])]


def _by_owner(alerts: Sequence[NotedAlert]) -> Iterator[str]:
    """Give the alerts of each owner below the name, those with most first."""
    inside: dict[str, list[NotedAlert]] = {}
    for alert in alerts:
        inside.setdefault(alert.owner or NOBODY, []).append(alert)
    for owner, mine in sorted(inside.items(), key=lambda item: -len(item[1])):
        yield f"- {safe(owner)}:"
        yield from (f"  {_open(alert)}" for alert in mine)


def _open(alert: NotedAlert) -> str:
    owner = f", {safe(alert.owner)}" if alert.owner and alert.status != "in_progress" else ""
    return f"{_alert(alert)}, found {_clock(alert.found)}{owner}"


def _resolved(alert: NotedAlert) -> str:
    verdict = status_name(alert.verdict or "")
    return f"{_alert(alert)}: {safe(verdict)} by {safe(alert.owner or NOBODY)}: {_said(alert.reason)}"


def _alert(alert: NotedAlert) -> str:
    ticket = f", ticket {safe(alert.ticket)}" if alert.ticket else ""
    severity = severity_label(Severity[alert.severity.upper()])
    return f"- {severity}: {safe(alert.title)}, {safe(alert.entity)}, alert {_id(alert.alert_id)}{ticket}"


def _suppression(each: NotedSuppression) -> str:
    ended = "" if each.ended_by is None else f" by {safe(each.ended_by)}: {_said(each.ended_because)}"
    made = f"{safe(status_name(each.kind))} {each.suppression} of {safe(each.owner)}"
    return f"- {made} until {_clock(each.until)}, {each.state}{ended}. {safe(each.scope)}: {_said(each.reason)}"


def _comment(comment: NotedComment) -> str:
    about = f"{safe(comment.title)}, alert {_id(comment.alert_id)}"
    return f"- {_clock(comment.time)}, {safe(comment.actor)}: {_said(comment.text)} ({about})"


def _said(text: str | None) -> str:
    return safe((text or "").replace("\n", " ⏎ "), LONG)


def _id(alert_id: str) -> str:
    """An id, which people copy: escaped only where it is none of ours."""
    return alert_id if _PLAIN.fullmatch(alert_id) else safe(alert_id)


def _clock(time: str) -> str:
    """Write RFC 3339 to the second, as people read it."""
    return f"{time[:10]} {time[11:19]} UTC"
