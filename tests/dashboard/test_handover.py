"""The handover note as Markdown, on the command line and on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views.handover import markdown
from schemas.triage import Verdict
from store.engine import connect
from store.handover import handover
from store.queries import Queries
from store.triage import Begin, Resolve, Triage, targets
from tests.dashboard.alert_samples import HOSTILE, NOON, hostile, sample
from tests.dashboard.apptest import run_page
from tests.dashboard.filled_store import ANALYST, add, new_store

SPECIAL = "![x](http://foreign.invalid) <b> @channel :red[x]\n# heading"


@pytest.fixture
def store(tmp_path: Path) -> str:
    url = new_store(tmp_path)
    add(url, [*(sample(number) for number in range(4)), hostile(9)])
    database = connect(url)
    triage = Triage(database)

    def seen(number: int) -> list[object]:
        return list(Queries(database).rows([sample(number).alert_id]).values())

    triage.act(ANALYST, targets(seen(0)), Begin())
    triage.act(ANALYST, targets(seen(1)), Resolve(Verdict.FALSE_POSITIVE, SPECIAL))
    triage.comment(ANALYST, [sample(2).alert_id], SPECIAL)
    database.close()
    return url


def test_a_section_for_each_list(store: str) -> None:
    note = markdown(handover(connect(store), 0, {}))
    assert [line for line in note.splitlines() if line.startswith("#")] == [
        "# Shift handover",
        "## New (3)",
        "## In progress (1)",
        "## Resolved (1)",
        "## Comments (1)",
    ]
    assert "5 alerts found, 3 of them still new, 0 older ones that nobody has taken, 1 in progress" in note
    assert (
        f"- ana:\n  - ◆ Critical: A spent refresh token came back, family family\\-0, alert {sample(0).alert_id}"
        in note
    )
    assert "False positive by ana: " in note


def test_nothing_in_it_comes_alive(store: str) -> None:
    note = markdown(handover(connect(store), 0, {}))
    assert "![x]" not in note
    assert "<" not in note.replace("\\<", "")
    assert "@channel" not in note
    assert "\u202e" not in note
    assert "\x07" not in note
    assert HOSTILE[:20] not in note
    # A line break in what people write must not begin a heading or a list of its own.
    assert all(line.startswith(("# ", "## ", "- ", "  - ", "19", "20")) for line in note.splitlines() if line)


def test_the_page_gives_the_same_note(store: str) -> None:
    app: AppTest = run_page(store, "triage")
    next(button for button in app.button if button.label == "Shift handover").click().run()
    assert not app.exception
    [note] = [code.value for code in app.code]
    assert "## In progress (1)" in note
    assert len(app.get("download_button")) == 1


def test_an_empty_store_has_a_note_too(tmp_path: Path) -> None:
    note = markdown(handover(connect(new_store(tmp_path)), NOON, {}))
    assert len(note.splitlines()) == 3
    assert "0 alerts found" in note
