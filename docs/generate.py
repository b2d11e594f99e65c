"""Write the pages and schemas that are cut from the code: `python -m docs.generate`."""

from __future__ import annotations

import inspect
from pathlib import Path

from detectors.base import Detector
from detectors.registry import DETECTORS
from schemas.export import write

ROOT = Path(__file__).resolve().parents[1]


def pages() -> dict[Path, str]:
    """Give path → text of every generated page."""
    folder = ROOT / "docs" / "detectors"
    index = ["# Detectors", "", "| type | finds | keys |", "|---|---|---|"]
    found = {}
    for name, detector in DETECTORS.items():
        index.append(f"| [{name}]({name}.md) | {detector.title} | {', '.join(detector.keys)} |")
        found[folder / f"{name}.md"] = page(detector)
    return {folder / "README.md": "\n".join(index) + "\n", **found}


def page(detector: type[Detector]) -> str:
    """Give a detector's page: its docstring, its alert classes, its parameters."""
    classes = [
        f"| {c.name} | {c.severity.name.lower()} | {', '.join(c.attack)} | {c.title} |" for c in detector.classes
    ]
    parameters = [
        f"| `{name}` | {_written(field.get_default())} | {field.description or ''} |"
        for name, field in detector.model_fields.items()
    ]
    lines = [
        f"# {detector.type}",
        "",
        inspect.getdoc(detector) or "",
        "",
        "## Alert classes",
        "",
        "| class | severity | ATT&CK | title |",
        "|---|---|---|---|",
        *classes,
        "",
        "## Settings",
        "",
        "| parameter | default | meaning |",
        "|---|---|---|",
        *parameters,
    ]
    return "\n".join(lines) + "\n"


def _written(default: object) -> str:
    """Write a default value; sets in a fixed order."""
    return ", ".join(sorted(map(str, default))) if isinstance(default, frozenset) else str(default)


def main() -> None:
    """Write everything."""
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    write(ROOT / "schemas" / "json")


if __name__ == "__main__":
    main()
