"""What `safe` lets through is text and nothing else."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.safe import LABEL_LENGTH, escaped, safe, safe_in_badge, visible


@given(st.text())
def test_every_mark_that_markdown_knows_is_escaped(text: str) -> None:
    unescaped = re.sub(r"\\[!-/:-@\[-`{-~]", "", safe(text))
    assert not re.search(r"[!-/:-@\[-`{-~]", unescaped)


@given(st.text(max_size=LABEL_LENGTH))
def test_what_is_read_is_what_was_written(text: str) -> None:
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", safe(text)).replace("\u2060", "")
    assert shown == visible(text)


@pytest.mark.parametrize("text", ["http://a.b", "https://a.b", "www.a.b", "WWW.a.b", "me@a.b", ":bug:", ":material/x:"])
def test_addresses_and_shortcodes_are_broken_for_the_passes_after_escaping(text: str) -> None:
    rendered = safe(text).replace("\\", "")
    assert not re.search(r"(?i)https?://|www\.|@a|:\w", rendered)


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\x00", "\n", "\u2028", "\ud800", "\u2066"])
def test_nothing_hides_or_turns_text_round(hidden: str) -> None:
    assert visible(f"a{hidden}b") == "a\ufffdb"


def test_long_text_is_cut_and_says_so() -> None:
    assert safe("x" * (LABEL_LENGTH + 1)) == "x" * (LABEL_LENGTH - 1) + "…"


def test_none_is_nothing() -> None:
    assert (visible(None), safe(None)) == ("", "")


def test_letters_of_any_script_stay() -> None:
    assert visible("Zoë 東京 Ελλάς") == "Zoë 東京 Ελλάς"


@given(st.text())
def test_a_badge_shows_brackets_once_escaped(text: str) -> None:
    escaped_by_streamlit = safe_in_badge(text).replace("[", "\\[").replace("]", "\\]")
    assert escaped_by_streamlit == safe(text)


@given(st.text())
def test_a_record_keeps_its_content_and_hides_nothing(text: str) -> None:
    shown = escaped(json.dumps({"ua": text}, indent=2, ensure_ascii=False))
    assert json.loads(shown) == {"ua": text}
    assert not {unicodedata.category(c) for c in shown.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
