"""The `tokentrail` command: which commands there are, and how errors and exits look."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from app import kernel_cache
from app.commands import (
    alerts,
    audit,
    config,
    dashboard,
    demo,
    doctor,
    evaluate,
    handover,
    precompile,
    replay,
    run,
    schema,
    score_series,
    simulate,
    suppressions,
    tokens,
    topics,
)
from app.output import fail
from schemas.errors import ConfigError, TokentrailError

app = typer.Typer(
    name="tokentrail",
    help="Follows every API token from issue to last use and says when something is wrong with it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tokentrail {version('tokentrail')}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    # Typer hangs options of the program itself on a callback; --version has one of its own.
    pass


app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("dashboard")(dashboard.dashboard)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.command("evaluate")(evaluate.evaluate)
app.command("handover")(handover.handover)
app.command("score-series")(score_series.score_series)
app.command("doctor")(doctor.doctor)
app.command("precompile")(precompile.precompile)
app.add_typer(alerts.app, name="alerts")
app.add_typer(audit.app, name="audit")
app.add_typer(suppressions.app, name="suppressions")
app.add_typer(topics.app, name="topics")
app.add_typer(tokens.app, name="tokens")
app.add_typer(schema.app, name="schema")
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line. Exit 0: done; 1: failed; 2: wrong usage or settings; 3: alerts at or above `--fail-on`."""
    kernel_cache.use()
    try:
        sys.exit(app(prog_name="tokentrail", standalone_mode=False))
    except typer.TyperException as error:
        # Without a message it has shown the help.
        if what := error.format_message().rstrip("."):
            fail(f"{what}; see {_command_of(error)} --help", code=error.exit_code)
        sys.exit(error.exit_code)
    except ConfigError as error:
        fail(str(error), code=2)
    except TokentrailError as error:
        fail(str(error), code=1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror or error}; check the path and the rights to it", code=1)


def _command_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return "tokentrail" if context is None else context.command_path
