"""What is compiled ahead is all that a run needs, and a cached kernel is stale when anything inside it changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app import kernel_cache

# In a process of its own: other tests compile kernels for odd arguments.
REPLAY_AFTER_WARM = """
import gc
from app import kernel_cache
kernel_cache.use()
from numba.core.dispatcher import Dispatcher
from app.settings import from_mapping
from app.warm import warm
from app.wiring import new_pipeline
from engines.decoding import DecodeAhead
from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from ingest.simulator import simulate
import orjson

def compiled():
    return {(f.__module__, f.__name__): len(f.signatures) for f in gc.get_objects() if isinstance(f, Dispatcher)}

settings, decoder = from_mapping({}, "test"), Decoder(Secrets(bytes(32)))
warm(decoder, lambda: new_pipeline(settings))
before = compiled()
pipeline = new_pipeline(settings)
lines = [orjson.dumps(event) for event in simulate(7, 1_772_409_600_000_000, events=30_000)]
with DecodeAhead(decoder) as ahead:
    for batch in ahead.through(RawRecords.of(lines[at : at + 9_000]) for at in range(0, len(lines), 9_000)):
        pipeline.take(batch)
        pipeline.advance({0})
pipeline.flush()
print(sorted(name for name, count in compiled().items() if count > before[name]))
"""


def test_a_run_compiles_nothing_that_was_not_compiled_ahead() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPLAY_AFTER_WARM], capture_output=True, text=True, check=False, timeout=170
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "kernel.py").write_text("from inner.steps import step\n", "utf-8")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text("", "utf-8")
    (tmp_path / "inner" / "steps.py").write_text("from inner import limits\nimport numpy\n", "utf-8")
    (tmp_path / "inner" / "limits.py").write_text("MOST = 3\n", "utf-8")
    (tmp_path / "outer" / "other.py").write_text("LEAST = 1\n", "utf-8")
    monkeypatch.setattr(kernel_cache, "_ROOT", tmp_path)
    monkeypatch.setattr(kernel_cache, "PACKAGES", {"outer", "inner"})
    return tmp_path


def stamp(package: Path) -> bytes:
    kernel_cache.stamp.cache_clear()
    return kernel_cache.stamp(package / "outer" / "kernel.py")


def test_a_kernel_is_stale_when_a_module_changed_that_its_file_imports_at_any_remove(package: Path) -> None:
    before = stamp(package)
    (package / "inner" / "limits.py").write_text("MOST = 4\n", "utf-8")
    assert stamp(package) != before


def test_a_kernel_stays_fresh_when_a_module_changed_that_its_file_does_not_import(package: Path) -> None:
    before = stamp(package)
    (package / "outer" / "other.py").write_text("LEAST = 2\n", "utf-8")
    assert stamp(package) == before
