"""The Chromium that browser tests drive."""

import os
import shutil

from tests.services.service import ServiceMissingError

VARIABLE = "TOKENTRAIL_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because containers and CI run as root; nothing may leave the machine by itself.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str:
    """Return the browser's program; raises ServiceMissingError."""
    candidates = [os.environ.get(VARIABLE, ""), *(shutil.which(name) or "" for name in NAMES)]
    for candidate in filter(None, candidates):
        return candidate
    message = f"no browser for the tests: install Chromium (Debian: apt install chromium) or set {VARIABLE}=/path"
    raise ServiceMissingError(message)
