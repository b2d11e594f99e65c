"""Compiled kernels on disk, and when one is stale.

Numba takes a cached kernel for fresh while the kernel's own file is unchanged, but the functions and constants of other
files are compiled into it. Here the stamp of a kernel covers every module of ours that its file imports, and what those
import.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache
from pathlib import Path
from typing import Final

VARIABLE: Final = "NUMBA_CACHE_LOCATOR_CLASSES"
_ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = frozenset({"alerts", "app", "dashboard", "detectors", "engines", "ingest", "schemas", "store"})
"""What is ours. An installed wheel has everybody else's packages in the same folder."""
_IMPORT: Final = re.compile(r"^from ([\w.]+) import", re.MULTILINE)


def use() -> None:
    """Make Numba keep kernels under our stamps; call before the first kernel is imported."""
    names = ("InGivenFolder", "BesideSources", "InUserFolder")
    os.environ[VARIABLE] = ",".join(f"app.kernel_locators.{name}" for name in names)


@cache
def stamp(path: Path) -> bytes:
    """Digest a module of ours with all that it imports from us; of a package, with all its files."""
    files = sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]
    digest = hashlib.sha256()
    for file in files:
        source = file.read_text("utf-8")
        digest.update(source.encode())
        for name in sorted(set(_IMPORT.findall(source))):
            if (imported := _file_of(name)) is not None and imported not in {path, *files}:
                digest.update(stamp(imported))
    return digest.digest()


def _file_of(name: str) -> Path | None:
    if name.partition(".")[0] not in PACKAGES:
        return None
    base = _ROOT.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
