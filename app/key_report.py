"""An audit of keys on paper: text for a terminal, Markdown, CSV, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict
from rich.table import Table
from rich.text import Text

from app.alert_table import new_table
from app.key_audit import KeyLine
from app.output import plain
from app.paper import Forms, Paper, csv_table, markdown_table, read_former

HEADERS: Final = ("key", "life", "operations", "principals", "findings")
_LIFE: Final = ("created", "first_seen", "first_use", "last_sign", "last_use", "retired", "compromised")


class Audit(BaseModel):
    """An audit as JSON, to be kept and compared with."""

    model_config = ConfigDict(extra="forbid")

    keys: list[KeyLine]


def read_audit(path: Path) -> list[KeyLine]:
    """Read an audit that was written as JSON. Raises SourceError if it cannot be read, or is none."""
    return read_former(path, Audit, what="audit of keys", command="audit keys").keys


def as_text(lines: Sequence[KeyLine]) -> Table | str:
    """Give a table for a terminal."""
    if not lines:
        return "no keys"
    table = new_table("key", "audit")
    for line in lines:
        name, *rest = _cells(line)
        shown = (Text("\n".join(map(plain, parts))) for parts in (name, map("; ".join, filter(None, rest))))
        table.add_row(*shown, end_section=True)
    return table


def as_markdown(lines: Sequence[KeyLine]) -> str:
    """Give a Markdown table."""
    return markdown_table(HEADERS, (["; ".join(cell) for cell in _cells(line)] for line in lines))


def as_csv(lines: Sequence[KeyLine]) -> str:
    """Give CSV, a field of `KeyLine` a column."""
    rows = (line.model_dump() | {"operations": _counts(line)} for line in lines)
    return csv_table(KeyLine.model_fields, (row.values() for row in rows))


def as_json(lines: Sequence[KeyLine]) -> str:
    """Give one JSON object."""
    return Audit(keys=list(lines)).model_dump_json(indent=2)


def _cells(line: KeyLine) -> list[list[str]]:
    """Give the parts of each cell."""
    life = [f"{name.replace('_', ' ')} {value}" for name in _LIFE if (value := getattr(line, name))]
    age = [] if line.days is None else [f"{line.days} days in use, since {line.since}"]
    more = line.principal_count - len(line.principals)
    change = [line.change] if line.change else []
    return [
        [line.key_id, *(part for part in (line.iss, line.tenant) if part), *change],
        [*life, *age],
        _counts(line),
        [*line.principals, *([f"and {more} more"] if more else [])],
        line.findings or ["compliant"],
    ]


def _counts(line: KeyLine) -> list[str]:
    return [f"{name} {count}" for name, count in line.operations.items()]


FORMS: Final[Forms[Sequence[KeyLine]]] = {
    Paper.TEXT: as_text,
    Paper.MARKDOWN: as_markdown,
    Paper.CSV: as_csv,
    Paper.JSON: as_json,
}
