"""Pages run by Streamlit's AppTest: the whole script with its files, without a browser."""

from __future__ import annotations

from collections.abc import Mapping

from streamlit import config
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element

from dashboard.data import SECRETS
from dashboard.server import NO_SLA, SCRIPT, secrets
from schemas.triage import Sla

PAGES = SCRIPT.parents[1] / "pages"
# As the server has it: else the docstring of a constant becomes part of the page.
config.set_option("runner.magicEnabled", False)


def run_page(
    store: str,
    page: str = "overview",
    query: Mapping[str, str] | None = None,
    *,
    demo: bool = False,
    lake: str = "",
    sla: Sla = NO_SLA,
) -> AppTest:
    """A page as it stands after its first run, which must not raise."""
    app = AppTest.from_file(str(SCRIPT), default_timeout=30)
    app.secrets[SECRETS] = secrets(store, demo=demo, lake=lake, sla=sla)
    for name, value in (query or {}).items():
        app.query_params[name] = value
    if page != "overview":
        app.switch_page(str(PAGES / f"{page}.py"))
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    """All that is written on a page, one element a line, marks of Markdown taken away."""
    kinds = ("markdown", "text", "caption", "header", "subheader", "info", "success", "warning", "error")
    found = [str(element.value) for kind in kinds for element in app.get(kind) if isinstance(element, Element)]
    return "\n".join(found).replace("\\", "")


def charts(app: AppTest) -> int:
    """Number of charts."""
    return len(app.get("vega_lite_chart"))
