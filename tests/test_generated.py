"""What is cut from the code and committed says what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.generate import ROOT, pages
from schemas.export import documents


@pytest.mark.parametrize("name", documents())
def test_published_schemas_are_current(name: str) -> None:
    committed = json.loads((ROOT / "schemas" / "json" / name).read_text("utf-8"))
    assert committed == documents()[name], "run `make docs`"


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    assert pages()[path].strip() == path.read_text("utf-8").strip(), "run `make docs`"
