"""Pages of the vendors' logs, cut from their adapters."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Final

from ingest.vendors import ADAPTERS, Adapter, Code

_SHOWN_APART: Final = frozenset({"type", "reason"})
_COLUMNS: Final = "| code | means | event | reason | states |\n|---|---|---|---|---|"


def pages(folder: Path) -> dict[Path, str]:
    """Give path → text of the index and of a page for each vendor."""
    index = [
        "# Vendors' logs",
        "",
        "`--format auto` tells them apart by their fields; `[source] format` names the one of a topic.",
        "",
        "| format | log | codes |",
        "|---|---|---|",
    ]
    index += [f"| [{name}]({name}.md) | {it.title} | {len(it.codes)} |" for name, it in ADAPTERS.items()]
    return {
        folder / "README.md": "\n".join(index) + "\n",
        **{folder / f"{name}.md": page(adapter) for name, adapter in ADAPTERS.items()},
    }


def page(adapter: Adapter) -> str:
    """Give a vendor's page: what its adapter says of itself, and its codes."""
    said = inspect.cleandoc(sys.modules[type(adapter).__module__].__doc__ or "")
    rows = "\n".join(_row(code) for code in adapter.codes.values())
    unlisted = "A code that is not listed is skipped, and counted as unknown (`tokentrail_worker_total`)."
    return f"# {adapter.title}\n\n{said}\n\n## Codes\n\n{unlisted}\n\n{_COLUMNS}\n{rows}\n"


def _row(code: Code) -> str:
    fields = code.fields
    rest = ", ".join(f"`{name}` {_written(value)}" for name, value in fields.items() if name not in _SHOWN_APART)
    cells = (f"`{code.code}`", code.means, fields.get("type", "none"), fields.get("reason", ""), rest)
    return f"| {' | '.join(map(str, cells))} |"


def _written(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
