"""The wheel's packages are ours alone, stand in one layer each, and declare what they import."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from app import kernel_cache

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_no_other_distribution_ships_our_names(package: str) -> None:
    others = set(packages_distributions().get(package, [])) - {PROJECT["project"]["name"]}
    assert not others, f"`import {package}` may find {others} instead of this repository's folder"


def test_every_package_of_the_repository_is_in_the_wheel() -> None:
    # Benchmarks measure a clone.
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"}
    assert sorted(found) == sorted(PACKAGES)


def test_a_kernel_is_stamped_by_our_packages_alone() -> None:
    assert sorted(kernel_cache.PACKAGES) == sorted(PACKAGES)


def test_a_stamp_of_an_installed_kernel_leaves_other_packages_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_cache, "_ROOT", tmp_path)
    for name, source in {
        "detectors/kernels.py": "from numba import njit\nfrom schemas.fields import micros\n",
        "schemas/fields.py": "",
        "numba/__init__.py": "from numba.core import njit\n",
        "numba/core/__init__.py": "from numba import core\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source, "utf-8")

    def stamp() -> bytes:
        kernel_cache.stamp.cache_clear()
        return kernel_cache.stamp(tmp_path / "detectors" / "kernels.py")

    first = stamp()
    (tmp_path / "numba" / "core" / "__init__.py").write_text("from numba import njit\n", "utf-8")
    assert stamp() == first
    (tmp_path / "schemas" / "fields.py").write_text("micros = 1\n", "utf-8")
    assert stamp() != first


def test_every_package_stands_in_exactly_one_layer() -> None:
    contract = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    layered = [name.strip() for layer in contract["layers"] for name in re.split("[|:]", layer)]
    assert sorted(layered) == sorted(PACKAGES)
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == sorted(PACKAGES)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _normalised(requirement: str) -> str:
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_imports_is_declared(package: str) -> None:
    project = PROJECT["project"]
    extras = [r for name, group in project["optional-dependencies"].items() if name != "dev" for r in group]
    declared = {_normalised(requirement) for requirement in [*project["dependencies"], *extras]}
    owners = packages_distributions()
    ours = {*PACKAGES, *sys.stdlib_module_names}
    imported = {name.partition(".")[0] for path in (ROOT / package).rglob("*.py") for name in _imports(path)}
    undeclared = {
        name for name in imported - ours if not declared & {_normalised(owner) for owner in owners.get(name, [])}
    }
    assert not undeclared


def test_constraints_pin_every_dependency_and_name_no_place() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!-]+", line) for line in lines)
    pinned = {_normalised(line) for line in lines}
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {_normalised(requirement) for requirement in wanted} <= pinned
