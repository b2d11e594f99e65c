"""`tokentrail audit`: what auditors ask for, from recorded events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.options import ConfigFile, word_option
from app.output import note, results

app = typer.Typer(help="Write reports for audits.", no_args_is_help=True)


@app.command()
def keys(
    sources: Annotated[list[str], typer.Argument(help="Files or folders of events, or -.", metavar="SOURCES")],
    record_format: Annotated[
        str, typer.Option("--format", help="Of the events; auto tells vendors' logs by their fields.")
    ] = "native",
    config: ConfigFile = None,
    paper: Annotated[str, typer.Option("--as", help="text, markdown, csv or json.")] = "text",
    former: Annotated[
        Path | None, typer.Option(help="Audit of an earlier time, written as json: say what is new, changed and gone.")
    ] = None,
) -> None:
    """Report on every key: its life and cryptoperiod, who used it for what, and what is wrong with that.

    What `[[keys]]` and the recorded JWKS say of keys is taken in, as `tokentrail replay` does it.
    """
    from app.commands.replay import summary
    from app.key_audit import DETECTORS_OF_KEYS, KeyAudit, compared
    from app.key_report import Paper, as_csv, as_json, as_markdown, as_text, read_audit
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
    match chosen:
        case Paper.TEXT:
            results.print(as_text(lines) if lines else "no keys")
        case Paper.MARKDOWN:
            typer.echo(as_markdown(lines))
        case Paper.CSV:
            typer.echo(as_csv(lines))
        case Paper.JSON:
            typer.echo(as_json(lines))
