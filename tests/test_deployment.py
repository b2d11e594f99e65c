"""The container setup: valid by the Compose specification, nothing as root, everything watched."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.cli import app
from app.settings import PASSWORD_VARIABLE, STORE_VARIABLE, from_mapping
from ingest.privacy import HASH_KEY_VARIABLE, PREVIOUS_KEY_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yml"
CONTENT: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())
SERVICES = CONTENT["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("tokentrail:")]
VARIABLES = {HASH_KEY_VARIABLE, PREVIOUS_KEY_VARIABLE, PASSWORD_VARIABLE, STORE_VARIABLE}
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


@pytest.mark.parametrize("file", ["docker-compose.yml", "Dockerfile", "README.md"])
def test_every_variable_that_is_named_is_read(file: str) -> None:
    named = set(re.findall(r"\bTOKENTRAIL_[A-Z_]+", (ROOT / file).read_text()))
    assert named <= VARIABLES
    assert file != "docker-compose.yml" or HASH_KEY_VARIABLE in named


def test_the_settings_in_the_compose_file_are_allowed() -> None:
    settings = from_mapping(tomllib.loads(CONTENT["configs"]["tokentrail"]["content"]), "docker-compose.yml")
    assert settings.kafka.bootstrap_servers == ["kafka:9092"]


@pytest.mark.parametrize("service", OURS)
def test_the_command_line_takes_what_a_service_runs(service: str) -> None:
    # An unknown option is refused before help is shown.
    ran = CliRunner().invoke(app, [*SERVICES[service]["command"], "--help"])
    assert ran.exit_code == 0, ran.output
    assert CliRunner().invoke(app, [*SERVICES[service]["command"], "--no-such-option", "--help"]).exit_code == 2


def test_the_dashboard_listens_where_nobody_has_to_log_in() -> None:
    assert "--host" not in SERVICES["dashboard"]["command"]
    assert SERVICES["door"]["network_mode"] == "service:dashboard"
