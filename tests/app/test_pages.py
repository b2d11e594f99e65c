"""What the pages show is what the commands answer."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
import yaml

from app.health import StatusCollector
from app.settings import Settings, from_mapping
from app.topics import wanted
from engines.lake import LakeSize
from engines.status import Status
from ingest.records import DeadReason
from store.workers import WorkerState
from tests.app.conftest import Tokentrail

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
GUESSING = ROOT / "tests" / "app" / "cloudtrail" / "guessing.json"


class Shown(NamedTuple):
    """A command on a page and what the page shows below it."""

    command: str
    answer: list[str]


def shown(page: Path) -> list[Shown]:
    """Commands of the console blocks that show an answer."""
    blocks = re.findall(
        r"^```console\n\$ tokentrail (.*?)\n(.*?)```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return [Shown(command, answer.splitlines()) for command, answer in blocks if answer and "$ " not in answer]


@pytest.mark.parametrize(
    ("command", "answer"),
    [pytest.param(*each, id=f"{page.stem}: {each.command}") for page in PAGES for each in shown(page)],
)
def test_the_answer_on_the_page_is_true(
    command: str, answer: list[str], tokentrail: Tokentrail, tmp_path: Path
) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    if "config check" in command:
        (tmp_path / "tokentrail.toml").write_text('[kafka]\nbootstrap = "127.0.0.1:9092"\n', "utf-8")
    ran = tokentrail(*shlex.split(command))
    assert [line.rstrip() for line in [*ran.stderr.splitlines(), *ran.text.splitlines()]] == answer


def test_the_pages_show_answers() -> None:
    assert {page.stem for page in PAGES if shown(page)} >= {"cli", "cloudtrail", "configuration"}


def test_the_worked_example_is_what_its_page_says(tokentrail: Tokentrail) -> None:
    records = orjson.loads(GUESSING.read_bytes())["Records"]
    logins = [(r["userIdentity"]["userName"], r["responseElements"]["ConsoleLogin"]) for r in records
              if r["eventName"] == "ConsoleLogin"]  # fmt: skip
    assert len(records) == 48
    assert logins.count(("alice", "Failure")) == 14
    assert logins[-1] == ("alice", "Success")
    assert logins.count(("bob", "Failure")) == logins.count(("bob", "Success")) == 1
    found = tokentrail("replay", GUESSING, "--json").records
    assert [(record["class"], record["observed"][0]["value"]) for record in found] == [
        *(("brute-force", tries) for tries in (10, 11, 13)),
        ("success-after-failures", 14),
    ]
    assert all(row["vendor_event_id"] for row in found[-1]["evidence"]["rows"])


def test_the_scores_on_the_page_are_true(tokentrail: Tokentrail) -> None:
    (excerpt,) = re.findall(
        r"^```csv\n(.*?)```$", (ROOT / "docs" / "series.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    lines = tokentrail("score-series", ROOT / "tests" / "app" / "series" / "requests.csv").text.splitlines()
    assert set(excerpt.splitlines()) <= set(lines)
    assert [line for line in lines if line.endswith(",1")] == [excerpt.splitlines()[2]]


OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_operations_explain_every_dead_letter_metric_state_and_topic() -> None:
    status = Status(watermark=1, checkpoint_at=0.0, lake=LakeSize(1, 1, 1))
    metrics = {
        family.name + ("_total" if family.type == "counter" else "") for family in StatusCollector(status, []).collect()
    }
    states = [state.value for state in WorkerState]
    named = set(re.findall(r"`([^`\n]+)`", OPERATIONS))
    assert {*metrics, *states, *(reason.value for reason in DeadReason), *wanted(Settings())} <= named
    assert set(re.findall(r"tokentrail_[a-z_]+", OPERATIONS)) <= metrics


def test_the_alert_rules_on_the_page_are_rules() -> None:
    [block] = re.findall(r"^```yaml\n(.*?)```$", OPERATIONS, re.DOTALL | re.MULTILINE)
    [group] = yaml.safe_load(block)["groups"]
    assert len(group["rules"]) == 5
    assert all("tokentrail_" in rule["expr"] for rule in group["rules"])


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {
            re.sub(r"[^\w -]", "", text).strip().lower().replace(" ", "-") for text in headings
        }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_on_a_page_are_allowed(page: Path) -> None:
    for block in re.findall(r"^```toml\n(.*?)```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        settings = from_mapping(tomllib.loads(block), page.name)
        assert settings.running()
