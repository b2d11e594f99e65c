"""How it looks and how it is locked down: severity palette, and the options Streamlit is started with.

The options travel as overrides, not as `.streamlit/config.toml`: Streamlit reads that file from the current directory,
which is not ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from schemas.vocabulary import Severity

Tint = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a severity looks. Shape and word carry it; colour only repeats them.

    Attributes:
        shape: Vega's name of the point shape.
        mark: the same shape as a character.
        colour: readable as a graphic (contrast ≥ 3) on the light and on the dark background.
        tint: Streamlit's name of the nearest palette colour.
    """

    shape: str
    mark: str
    colour: str
    tint: Tint


SEVERITIES: Final = {
    Severity.CRITICAL: Look("diamond", "◆", "#e03131", "red"),
    Severity.HIGH: Look("triangle-up", "▲", "#e8590c", "orange"),
    Severity.MEDIUM: Look("square", "■", "#b58900", "yellow"),
    Severity.LOW: Look("circle", "●", "#2f7fd6", "blue"),
    Severity.INFORMATIONAL: Look("cross", "✚", "#868e96", "gray"),
}
"""Worst first: the order of every list, legend and stack."""

NEUTRAL: Final = "#868e96"
ACCENT: Final = "#3b7ddd"
CATEGORIES: Final = ("#3b7ddd", "#0ca678", "#e8590c", "#ae3ec9", "#b58900", "#15aabf", "#e64980", "#868e96")


def severity_name(severity: Severity | int) -> str:
    """A severity as a word, e.g. `High`."""
    return Severity(severity).name.capitalize()


def severity_label(severity: Severity | int) -> str:
    """A severity as shape and word, e.g. `▲ High`."""
    return f"{SEVERITIES[Severity(severity)].mark} {severity_name(severity)}"


def options(host: str, port: int) -> dict[str, Any]:
    """Every Streamlit option that matters here, whatever the machine's own configuration says."""
    return {
        **{f"theme.{mode}.{name}": value for mode, palette in _PALETTES.items() for name, value in palette.items()},
        "theme.headingFontSizes": ["1.8rem", "1.5rem", "1.15rem", "1rem", "1rem", "1rem"],
        "theme.baseRadius": "small",
        "theme.paddingTop": "0.75rem",
        "theme.paddingBottom": "2rem",
        "theme.chartCategoricalColors": list(CATEGORIES),
        "server.address": host,
        "server.port": port,
        # A page of another site that resolves its name to this address gets no session.
        "server.allowedHosts": sorted({"localhost", "127.0.0.1", "::1", host}),
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.maxUploadSize": 1,
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "type",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        "client.disableDataExport": True,
        "runner.magicEnabled": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
    }


_PALETTES: Final = {
    "light": {
        "primaryColor": "#2f66c4",
        "backgroundColor": "#ffffff",
        "secondaryBackgroundColor": "#f3f5f8",
        "textColor": "#1b2430",
        "borderColor": "#d5dce6",
    },
    "dark": {
        "primaryColor": "#74a7f5",
        "backgroundColor": "#10161f",
        "secondaryBackgroundColor": "#1a2330",
        "textColor": "#e4e9f0",
        "borderColor": "#2c3a4c",
    },
}
