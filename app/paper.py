"""Reports on paper: Markdown and CSV that nothing in a cell can break out of, and former reports read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import RenderableType

from app.output import plain, results
from app.spreadsheet import csv_row
from schemas.errors import SourceError

_Written = TypeVar("_Written")
_Report = TypeVar("_Report", bound=BaseModel)


class Paper(StrEnum):
    """How a report is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"


Forms: TypeAlias = Mapping[Paper, Callable[[_Written], RenderableType]]
"""What writes a report in each way; all but text give plain strings."""


def put(paper: Paper, report: _Written, forms: Forms[_Written]) -> None:
    """Write a report to stdout."""
    written = forms[paper](report)
    if paper is Paper.TEXT:
        results.print(written)
    else:
        typer.echo(written)


def read_former(path: Path, report: type[_Report], *, what: str, command: str) -> _Report:
    """Read a report that `command` wrote as JSON.

    Raises:
        SourceError: it cannot be read, or is no `what`.
    """
    try:
        return report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", place=str(path), next_step="check the path") from error
    except ValidationError as error:
        raise SourceError(
            f"is no {what}", place=str(path), next_step=f"give what `{command} --as json` wrote"
        ) from error


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a Markdown table."""
    lines = [headers, ["---"] * len(headers), *(list(map(_escaped, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def csv_table(headers: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Give CSV; lists are joined, and what a spreadsheet would take for a formula is quoted."""
    return "".join(map(csv_row, [headers, *rows])).rstrip("\r\n")


def _escaped(text: str) -> str:
    """Write text that Markdown would obey as text."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>|#~" else c for c in plain(text))
