"""No page hands a value to an element that reads Markdown unless `safe` has been through it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

DASHBOARD = Path(__file__).parents[2] / "dashboard"
# Elements whose text Streamlit renders as Markdown or HTML, so that an image address in it is fetched.
READ_MARKDOWN = frozenset(
    [
        "markdown",
        "caption",
        "title",
        "header",
        "subheader",
        "write",
        "metric",
        "badge",
        "error",
        "warning",
        "info",
        "success",
        "exception",
        "toast",
        "table",
        "button",
        "link_button",
        "page_link",
        "download_button",
        "form_submit_button",
        "menu_button",
        "expander",
        "popover",
        "status",
        "spinner",
        "progress",
        "tabs",
        "checkbox",
        "toggle",
        "radio",
        "selectbox",
        "multiselect",
        "select_slider",
        "slider",
        "pills",
        "segmented_control",
        "feedback",
        "text_input",
        "text_area",
        "number_input",
        "date_input",
        "time_input",
        "datetime_input",
        "color_picker",
        "chat_message",
        "chat_input",
        "file_uploader",
        "html",
        "image",
        "logo",
        "latex",
        "dialog",
        "graphviz_chart",
        "mermaid_chart",
    ]
)
# Arguments that are never shown, or that only our own code can fill.
NOT_SHOWN = frozenset(
    [
        "key",
        "on_click",
        "on_change",
        "args",
        "kwargs",
        "type",
        "icon",
        "color",
        "width",
        "height",
        "border",
        "disabled",
        "use_container_width",
        "bind",
        "anchor",
        "query_params",
        "selection_mode",
        "horizontal",
        "gap",
        "alt",
        "shortcut",
        "required",
        "default",
        "label_visibility",
        "index",
        "expanded",
        "format_func",
        "format",
        "timezone",
        "data",
        "file_name",
        "mime",
    ]
)
# The first argument of these is a page or an address, not text; options of the filters are looked at one by one.
FIRST_IS_NOT_TEXT = frozenset({"page_link"})
SECOND_IS_NOT_TEXT = frozenset({"link_button"})
OUR_WORDS = frozenset(
    {
        "severity_label",
        "severity_name",
        "state_word",
        "status_name",
        "figure",
        "counted",
        "duration",
        "clock_time",
        "size",
        "len",
    }
)
"""Functions of ours that give words or numbers of our own making."""
GUARDS = frozenset({"safe", "visible", "tactic_name"})
"""What may write the options of a filter."""


def sources() -> list[Path]:
    return sorted(DASHBOARD.rglob("*.py"))


def is_safe(node: ast.expr, guard: str = "safe") -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.Call(func=ast.Name(id="list"), args=[argument]):
            return is_safe(argument, guard)
        case ast.Call(func=ast.Name(id=name)):
            return name == guard or name in OUR_WORDS
        case ast.JoinedStr(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            return all(is_safe(part, guard) for part in parts)
        case ast.FormattedValue(value=value) | ast.Starred(value=value) | ast.ListComp(elt=value):
            return is_safe(value, guard)
        case ast.IfExp(body=body, orelse=orelse):
            return is_safe(body, guard) and is_safe(orelse, guard)
        case ast.Name(id=name):
            return name.isupper()
        case _:
            return False


def options_are_safe(call: ast.Call) -> bool:
    """The element writes each option through one of our guards."""
    return any(k.arg == "format_func" and isinstance(k.value, ast.Name) and k.value.id in GUARDS for k in call.keywords)


def shown(call: ast.Call, element: str) -> Iterator[ast.expr]:
    for position, argument in enumerate(call.args):
        if position == 1 and options_are_safe(call):
            continue
        if (position, element) not in {(0, name) for name in FIRST_IS_NOT_TEXT} | {(1, n) for n in SECOND_IS_NOT_TEXT}:
            yield argument
    yield from (keyword.value for keyword in call.keywords if keyword.arg not in NOT_SHOWN)


def raw_values(source: str) -> list[str]:
    found = []
    tree = ast.parse(source)
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=element)) if element in READ_MARKDOWN or element.endswith("Column"):
                # `st.badge` escapes brackets itself, so that what `safe` escaped would be escaped twice.
                guard = "safe_in_badge" if element == "badge" else "safe"
                found += [
                    f"{node.lineno}: {element}({ast.unparse(a)})" for a in shown(node, element) if not is_safe(a, guard)
                ]
            case ast.Attribute(value=ast.Name(id="st"), attr=element) if element in READ_MARKDOWN:
                found += [f"{node.lineno}: {element} by another name"] if node not in called else []
            case ast.ImportFrom(module="streamlit", names=names):
                found.append(f"{node.lineno}: {names[0].name} without its module")
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id="st"), *_]):
                found.append(f"{node.lineno}: an element by its name")
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(DASHBOARD)))
def test_only_safe_text_reaches_markdown(path: Path) -> None:
    assert raw_values(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(DASHBOARD)))
def test_html_is_never_switched_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "unsafe_allow" not in text
    assert "components" not in text


@pytest.mark.parametrize(
    "line",
    [
        "st.metric('x', value)",
        "st.caption(f'seen {ua}')",
        "st.error(str(error))",
        "left.header(alert.title)",
        "st.button('go', help=name)",
        "st.multiselect('x', options)",
        "st.multiselect('x', list(options))",
        "st.pills('x', options, format_func=str)",
        "st.badge(safe(name))",
        "st.info('x', title=name)",
        "st.column_config.TextColumn(help=name)",
        "show = st.caption",
        "from streamlit import caption",
        "getattr(st, 'caption')(name)",
    ],
)
def test_the_scan_sees_raw_values(line: str) -> None:
    assert raw_values(line)


@pytest.mark.parametrize(
    "line",
    [
        "st.metric('x', safe(value))",
        "st.caption(f'seen {safe(ua)}')",
        "st.text(raw)",
        "st.badge(safe_in_badge(name))",
        "st.pills('x', list(NAMES))",
        "st.column_config.MultiselectColumn(options=NAMES)",
    ],
)
def test_the_scan_lets_safe_values_pass(line: str) -> None:
    assert not raw_values(line)
