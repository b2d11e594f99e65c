"""What every test of the dashboard leaves as it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _same_main() -> Iterator[None]:
    """AppTest leaves its script in the place of `__main__`; a process that is started later would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
