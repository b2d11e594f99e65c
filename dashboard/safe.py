"""Strings from events are hostile. What `safe` returns may stand in Markdown; what `visible` returns in plain cells.

Streamlit reads labels, captions, headings, alerts, toasts, tables and more as Markdown, so that `![x](http://…)` in a
user agent makes the analyst's browser call home. `tests/dashboard/test_safe_rendering.py` refuses page code that hands
anything but literals and `safe(…)` to those elements.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LABEL_LENGTH: Final = 300
"""Characters of a label; the whole value stands in a plain cell or code block nearby."""

_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")
# Renderers find addresses, e-mail and :shortcodes: in finished text, where a backslash no longer helps.
_LINKING: Final = re.compile(r"(?i)(?<=:)(?=\S)|(?<=www)(?=\.)|(?<=@)(?=\S)")
_WORD_JOINER: Final = "\u2060"
_REPLACEMENT: Final = "\ufffd"
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(value: object) -> str:
    """Text with every control, direction and zero-width character replaced, so that it cannot dress as other text."""
    text = "" if value is None else str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_REPLACEMENT if unicodedata.category(c) in _HIDDEN else c for c in text)


def escaped(json: str) -> str:
    """JSON with every hidden character of its strings written as an escape; lines stay lines."""
    return "".join(_escape(c) if c != "\n" and unicodedata.category(c) in _HIDDEN else c for c in json)


def _escape(char: str) -> str:
    octets = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{octets[at : at + 2].hex()}" for at in range(0, len(octets), 2))


def safe(value: object, limit: int = LABEL_LENGTH) -> str:
    """Text that Markdown shows as it is: no image, link, colour, icon, formula or HTML comes of it.

    Args:
        value: anything; None is the empty string.
        limit: characters kept; a cut is marked.
    """
    text = visible(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return _PUNCTUATION.sub(r"\\\1", _LINKING.sub(_WORD_JOINER, text))


def safe_in_badge(value: object) -> str:
    """As `safe`, for `st.badge`, which escapes square brackets itself: escaped twice they would end the badge."""
    return safe(value).replace(r"\[", "[").replace(r"\]", "]")
