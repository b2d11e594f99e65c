"""The container setup: valid by the Compose specification, nothing as root, everything watched."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
# These end by themselves; `depends_on: service_completed_successfully` watches the first.
ONE_SHOT = {"topics", "simulator"}


def _validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_compose_file_follows_the_specification() -> None:
    checked = _validate(COMPOSE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_specification_refuses_an_unknown_key(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE.read_text().replace("healthcheck:", "healthchek:", 1))
    checked = _validate(broken)
    assert checked.returncode == 1
    assert "healthchek" in checked.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_runs_as_root(service: str) -> None:
    assert int(SERVICES[service]["user"].partition(":")[0]) > 0
    assert SERVICES[service]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - ONE_SHOT))
def test_what_stays_up_is_watched(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"]


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned_and_ports_stay_on_the_host(service: str) -> None:
    _, _, tag = SERVICES[service]["image"].partition(":")
    assert tag not in {"", "latest"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service].get("ports", []))


def test_what_a_service_waits_for_exists() -> None:
    waited_for = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    assert waited_for <= SERVICES.keys()


def test_the_image_ends_as_the_user_that_compose_names() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    final_stage = dockerfile.rpartition("\nFROM ")[2]
    assert f"USER {SERVICES['worker']['user']}" in final_stage
