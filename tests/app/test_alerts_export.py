"""`tokentrail alerts export`: every alert that fits, in each format, read back by other people's code."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import orjson
import pycef
import pytest

from schemas.alerts import Alert, Entity
from schemas.vocabulary import EntityRole, EntityType
from tests.app.conftest import Tokentrail
from tests.dashboard.alert_samples import NOON, SECOND, hostile, sample

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1", "a\n=1", 'x",=1']
Store = Callable[..., Path]


def alert(number: int) -> Alert:
    return sample(number, at=NOON - number * 3_600 * SECOND)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def test_more_than_a_page_comes_out_newest_first_in_every_format(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = store_alerts(*(alert(number) for number in range(620)))
    expected = [alert(number).alert_id for number in range(620)]
    export = ("alerts", "export", "--config", config)
    assert [record["alert_id"] for record in tokentrail(*export).records] == expected
    ocsf = tokentrail(*export, "--format", "ocsf").records
    assert [record["finding_info"]["uid"] for record in ocsf] == expected
    cef = [pycef.parse(line) for line in tokentrail(*export, "--format", "cef").text.splitlines()]
    assert [record and record["externalId"] for record in cef] == expected
    assert [row["alert_id"] for row in rows(tokentrail(*export, "--format", "csv").stdout)] == expected


def test_native_is_what_the_list_gives_uncut(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = store_alerts(*(hostile(number) for number in range(3)))
    exported = tokentrail("alerts", "export", "--config", config)
    assert exported.stdout == tokentrail("alerts", "list", "--config", config, "--json").stdout
    assert all(len(line) > 8_000 for line in exported.stdout.splitlines())


def test_a_file_holds_what_fits_the_filters(tokentrail: Tokentrail, store_alerts: Store, tmp_path: Path) -> None:
    config = store_alerts(*(alert(number) for number in range(4)))
    filters = ("--severity", "high", "--detector", "refresh-reuse", "--since", "2026-11-24T10:00:00Z")
    ran = tokentrail("alerts", "export", "--config", config, "--out", "alerts.ndjson", *filters)
    assert (ran.code, ran.stdout, ran.stderr) == (0, b"", "1 alerts in alerts.ndjson\n")
    lines = (tmp_path / "alerts.ndjson").read_bytes().splitlines()
    assert [orjson.loads(line)["alert_id"] for line in lines] == [alert(0).alert_id]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_and_each_alert_is_one_line(
    text: str, tokentrail: Tokentrail, store_alerts: Store
) -> None:
    entity = Entity(type=EntityType.USER, id=text, role=EntityRole.VICTIM)
    texts = dict.fromkeys(("title", "summary", "tenant", "iss"), text)
    config = store_alerts(alert(0).model_copy(update={"entities": [entity], **texts}))
    ran = tokentrail("alerts", "export", "--config", config, "--format", "csv")
    assert len(ran.stdout.splitlines()) == 2
    (row,) = rows(ran.stdout)
    assert None not in row
    assert row["entities"].startswith("victim user:")
    for cell in row.values():
        assert cell.isprintable()
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))


def test_csv_says_who_and_how_it_is_handled(tokentrail: Tokentrail, store_alerts: Store) -> None:
    (row,) = rows(tokentrail("alerts", "export", "--config", store_alerts(alert(0)), "--format", "csv").stdout)
    assert row["class"] == alert(0).alert_class
    assert row["techniques"] == "T1528"
    assert row["status"] == "new"
    assert row["owner"] == ""
    assert row["entities"] == "; ".join(f"{it.role} {it.type}:{it.id}" for it in alert(0).entities)


def test_an_empty_store_gives_nothing_but_the_header_of_csv(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = store_alerts()
    assert tokentrail("alerts", "export", "--config", config).stdout == b""
    assert tokentrail("alerts", "export", "--config", config, "--format", "csv").text.startswith("alert_id,incident_id")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--format", "xml"], 2, "--format: unknown format 'xml'; take one of native, ocsf, cef, csv"),
        (["--entity", "alice"], 2, "--entity: 'alice' names nobody; write type:id"),
        (["--out", "missing/alerts.csv"], 1, "missing/alerts.csv: No such file or directory; check the path"),
    ],
)
def test_what_cannot_be_done_says_so(
    options: list[str], code: int, message: str, tokentrail: Tokentrail, store_alerts: Store
) -> None:
    ran = tokentrail("alerts", "export", "--config", store_alerts(), *options)
    assert (ran.code, ran.stdout) == (code, b"")
    assert message in ran.stderr
