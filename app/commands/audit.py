"""`tokentrail audit`: what auditors ask for, from recorded events and from the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.options import ConfigFile, Json, since_option, time_option, word_option
from app.output import json_line, note, results

app = typer.Typer(help="Write reports for audits.", no_args_is_help=True)

As = Annotated[str, typer.Option("--as", help="text, markdown, csv or json.")]


@app.command()
def keys(
    sources: Annotated[list[str], typer.Argument(help="Files or folders of events, or -.", metavar="SOURCES")],
    record_format: Annotated[
        str, typer.Option("--format", help="Of the events; auto tells vendors' logs by their fields.")
    ] = "native",
    config: ConfigFile = None,
    paper: As = "text",
    former: Annotated[
        Path | None, typer.Option(help="Audit of an earlier time, written as json: say what is new, changed and gone.")
    ] = None,
) -> None:
    """Report on every key: its life and cryptoperiod, who used it for what, and what is wrong with that.

    What `[[keys]]` and the recorded JWKS say of keys is taken in, as `tokentrail replay` does it.
    """
    from app.commands.replay import summary
    from app.key_audit import DETECTORS_OF_KEYS, KeyAudit, compared
    from app.key_report import FORMS, read_audit
    from app.paper import Paper, put
    from app.progress import replayed
    from app.replaying import replay_of
    from app.settings import load, narrowed

    chosen = word_option(paper, Paper, "--as")
    before = None if former is None else read_audit(former)
    settings = load(config)
    running = [name for name in settings.running() if name in DETECTORS_OF_KEYS]
    job = replay_of(narrowed(settings, running, []), sources, record_format=record_format)
    audit = KeyAudit(job.keys)
    job.note = audit.note
    for alerts in replayed(job):
        audit.judge(alerts.revisions)
    note(summary(job.replay.tally, job.replay.pipeline.order.counters))
    if audit.omitted:
        note(f"{audit.omitted} events of too many keys are left out; audit fewer files at once")
    lines = audit.lines() if before is None else compared(audit.lines(), before)
    put(chosen, lines, FORMS)


@app.command()
def incidents(
    config: ConfigFile = None,
    since: Annotated[
        str | None, typer.Option(help="Found at or after this time, or so long ago: 2026-01-31T12:00:00Z, 30d.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Found before this time.")] = None,
    paper: As = "text",
    former: Annotated[
        Path | None, typer.Option(help="Report of an earlier time, written as json: put its figures beside these.")
    ] = None,
) -> None:
    """Report on the store's alerts: how many, how fast they were found, taken and resolved, and with which verdicts.

    A detector's precision is the share of true and benign true positives in its verdicts but the undetermined, with
    its 95 % interval (Wilson). Which alerts were judged is people's choice: where few were, it says little of the rest.
    """
    from app.incident_audit import IncidentAudit, audit, compared
    from app.incident_report import FORMS
    from app.paper import Paper, put, read_former
    from app.settings import load
    from app.wiring import existing_store
    from store.reports import Reports

    chosen = word_option(paper, Paper, "--as")
    span = since_option(since, "--since"), time_option(until, "--until")
    earlier = None
    if former is not None:
        earlier = read_former(former, IncidentAudit, what="audit of incidents", command="audit incidents")
    settings = load(config)
    with existing_store(settings) as database, Reports(database).handled(*span) as handled:
        report = audit(handled.rows, settings.triage.spans(), handled.now, span)
    if earlier is not None:
        report = compared(report, earlier)
    put(chosen, report, FORMS)


@app.command()
def verify(
    config: ConfigFile = None,
    anchor: Annotated[
        str | None, typer.Option(help="number:hash of an entry, kept elsewhere: it must still be in the log.")
    ] = None,
    json: Json = False,
) -> None:
    """Check the log of what people did with alerts: name every entry that was changed, removed or moved.

    Exit 1 if there is any. Keep the anchor that it prints where those who can write to the store cannot write: with it
    a later check finds a log that was cut at its end, or written anew, too.
    """
    from app.settings import load
    from app.wiring import existing_store
    from store.audit import AuditLog

    with existing_store(load(config)) as database:
        found = AuditLog(database).verify(anchor)
    faults = [{"entry": fault.seq, "what": fault.what} for fault in found.faults]
    if json:
        json_line({"entries": found.entries, "intact": not faults, "anchor": found.head, "faults": faults})
    else:
        for fault in found.faults:
            results.print(f"entry {fault.seq}: {fault.what}", soft_wrap=True)
        if not faults:
            results.print(f"{found.entries} entries, all as they were written; anchor {found.head}", soft_wrap=True)
    if faults:
        raise typer.Exit(1)
