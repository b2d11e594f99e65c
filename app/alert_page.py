"""One alert for people, as `alerts show` prints it. Every string of it is hostile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.alert_table import clock_text, new_table, severity_text
from app.output import plain
from schemas.alerts import Alert, Change
from schemas.fields import parse_time
from store.queries import AlertRow

INDENT: Final = (0, 0, 0, 2)


def alert_page(alert: Alert, history: Sequence[AlertRow]) -> Group:
    """Lay out an alert and the revisions it went through, oldest first."""
    sections = {
        "facts": _facts(alert),
        "observed": _observed(alert),
        "entities": _entities(alert),
        "evidence": _evidence(alert),
        "advice": _advice(alert),
        "history": _history(history),
    }
    return Group(_headline(alert), *(part for name, body in sections.items() for part in _section(name, body)))


def _section(name: str, body: RenderableType) -> Iterator[RenderableType]:
    yield Text(f"\n{name}", "bold")
    yield Padding(body, INDENT)


def _headline(alert: Alert) -> Text:
    return Text.assemble(severity_text(alert.severity), "  ", (plain(alert.title), "bold"), "\n", plain(alert.summary))


def _facts(alert: Alert) -> Table:
    start, end = parse_time(alert.start), parse_time(alert.end)
    facts = {
        "alert": alert.alert_id,
        "incident": alert.incident_id,
        "detector": f"{alert.detector} {alert.detector_version}, {alert.alert_class}",
        "from": f"{clock_text(start)} UTC",
        "to": f"{clock_text(end)} UTC",
        "state": f"{alert.episode}, revision {alert.revision}, {alert.count} findings",
        "confidence": alert.confidence,
        "risk": str(alert.risk),
        "tenant": alert.tenant,
        "issuer": alert.iss,
        "techniques": ", ".join(alert.attack.techniques),
        "tactics": ", ".join(alert.attack.tactics),
        "containment": _containment(alert),
        "reached": _reached(alert),
        "revoke": f"{alert.revoke.what or 'yes'}: {alert.revoke.why or alert.title}" if alert.revoke.flag else "no",
        "link": alert.url,
    }
    table = _grid()
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, "dim"), _cell(value))
    return table


def _containment(alert: Alert) -> str | None:
    known = alert.containment
    if known is None:
        return None
    return known.state + (f", until {clock_text(parse_time(known.live_until))} UTC" if known.live_until else "")


def _reached(alert: Alert) -> str | None:
    reach = alert.blast_radius
    if reach is None or not reach.calls:
        return None
    named = {"at": reach.aud, "with": reach.scopes}
    parts = [f"{word} {', '.join(names)}" for word, names in named.items() if names]
    return " ".join([f"{reach.calls} calls since the first bad event", *parts])


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _observed(alert: Alert) -> Table:
    table = new_table("what", "value", "threshold", "baseline", "unit")
    for each in alert.observed:
        table.add_row(*map(_cell, (each.metric, each.value, each.threshold, each.baseline, each.unit)))
    return table


def _entities(alert: Alert) -> Table:
    table = new_table("role", "type", "id", "name")
    for entity in alert.entities:
        table.add_row(*map(_cell, (entity.role, entity.type, entity.id, entity.name)))
    return table


def _evidence(alert: Alert) -> Table:
    table = _grid()
    for row in alert.evidence.rows:
        network = None if row.asn is None else f"AS{row.asn}"
        said = (row.type, row.outcome, row.country, row.ip, network, row.device, row.ua)
        table.add_row(clock_text(parse_time(row.time)), _cell(", ".join(part for part in said if part)))
    return table


def _advice(alert: Alert) -> Table:
    table = _grid()
    for number, text in enumerate(alert.advice, 1):
        table.add_row(f"{number}.", _cell(text))
    return table


def _history(history: Sequence[AlertRow]) -> RenderableType:
    """Show material revisions and the latest; the others only count on."""
    shown = [row for row in history if row.change != Change.COUNT or row is history[-1]]
    table = new_table("revision", "time (UTC)", "change")
    for row in shown:
        table.add_row(str(row.revision), clock_text(row.time), _cell(row.change))
    hidden = len(history) - len(shown)
    return Group(table, Text(f"and {hidden} that only count on", "dim")) if hidden else table


def _cell(value: object) -> Text:
    if value is None:
        return Text("")
    return Text(f"{value:,.6g}" if isinstance(value, float) else plain(value), overflow="fold")
