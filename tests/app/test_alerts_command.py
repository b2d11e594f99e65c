"""`tokentrail alerts`: pages of the store's alerts, one alert in full, and what it says when there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schemas.alerts import Alert, Change, Entity, EpisodeState
from schemas.export import documents
from schemas.fields import format_time
from schemas.vocabulary import EntityRole, EntityType
from store.engine import connect
from tests.app.conftest import Tokentrail
from tests.dashboard.alert_samples import NOON, SECOND, sample

HOSTILE = "\x1b[31m[bold]x[/bold]\x07\u202eesrever\r\x9b2J"
HARMLESS = r"\x1b[31m[bold]x[/bold]\x07\u202eesrever\r\x9b2J"
HOUR = 3_600 * SECOND

Store = Callable[..., Path]


def alert(number: int, **fields: object) -> Alert:
    """An alert that began `number` hours before noon, with an id that begins with its number."""
    # sample() takes its detector from the number: 0 refresh-reuse, 1 impossible-geography, 2 failed-auth-burst.
    own = {"alert_id": f"{number:04}-{number:012}", "summary": f"what happened in alert {number}"}
    return sample(number, at=NOON - number * HOUR).model_copy(update=own | fields)


def ids(found: object) -> list[str]:
    return [record["alert_id"][:4] for record in found]  # type: ignore[attr-defined]


def test_the_list_is_newest_first_and_json_follows_the_contract(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = store_alerts(*(alert(number) for number in (3, 1, 2)))
    ran = tokentrail("alerts", "list", "--config", config, "--json")
    assert (ran.code, ran.stderr) == (0, "")
    assert ids(ran.records) == ["0001", "0002", "0003"]
    contract = Draft202012Validator(documents()["token-alert.v1.json"])
    for record in ran.records:
        assert list(record)[:2] == ["time", "detected_at"]
        assert list(contract.iter_errors(record)) == []


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_fits_the_terminal_and_says_everything(
    columns: int, tokentrail: Tokentrail, store_alerts: Store
) -> None:
    config = store_alerts(*(alert(number) for number in range(4)))
    ran = tokentrail("alerts", "list", "--config", config, columns=columns)
    lines = ran.text.splitlines()
    assert max(map(len, lines)) <= columns
    for number in range(4):
        assert f"{number:04}-000" in ran.text
        assert f"what happened in alert {number}" in " ".join(ran.text.split())
    assert "impossible-travel" in ran.text
    assert "2026-11-24 11:00" in ran.text
    assert (len(lines) == 5) == (columns == 160)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--severity", "high"], ["0000", "0001"]),
        (["--severity", "low"], ["0000", "0001", "0002", "0003"]),
        (["--detector", "refresh-reuse"], ["0000"]),
        (["--detector", "refresh-reuse", "--detector", "failed-auth-burst"], ["0000", "0002"]),
        (["--entity", "ip:192.0.2.3"], ["0003"]),
        (["--entity", "ip:192.0.2.77"], []),
        (["--episode", "closed"], ["0001"]),
        (["--episode", "open"], ["0000", "0002", "0003"]),
        (["--since", "2026-11-24T10:30:00Z"], ["0000", "0001"]),
        (["--since", "1s"], []),
        (["--severity", "high", "--episode", "closed"], ["0001"]),
    ],
)
def test_filters(options: list[str], expected: list[str], tokentrail: Tokentrail, store_alerts: Store) -> None:
    closed = {"episode": EpisodeState.CLOSED}
    config = store_alerts(*(alert(number, **(closed if number == 1 else {})) for number in range(4)))
    ran = tokentrail("alerts", "list", "--config", config, "--json", *options)
    assert (ran.code, ids(ran.records)) == (0, expected)


def test_pages_follow_each_other_without_gap_or_overlap(tokentrail: Tokentrail, store_alerts: Store) -> None:
    # Two of them began at the same moment: the id decides.
    config = store_alerts(*(alert(n, start=format_time(NOON - n // 2 * HOUR)) for n in range(7)))
    seen: list[str] = []
    more: list[str] = []
    while True:
        ran = tokentrail("alerts", "list", "--config", config, "--json", "--limit", 2, *more)
        assert ran.code == 0
        seen += ids(ran.records)
        if "--after" not in ran.stderr:
            break
        assert len(ran.records) == 2
        more = ["--after", ran.stderr.split()[-1]]
    assert seen == ["0001", "0000", "0003", "0002", "0005", "0004", "0006"]


def test_more_than_one_query_answers_are_still_one_list(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = store_alerts(*(alert(number) for number in range(620)))
    ran = tokentrail("alerts", "list", "--config", config, "--json", "--limit", 610)
    assert ids(ran.records) == [f"{number:04}" for number in range(610)]
    assert "0609-" in ran.stderr


def test_an_empty_store_says_so(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = store_alerts()
    assert tokentrail("alerts", "list", "--config", config).text == "no alerts\n"
    assert tokentrail("alerts", "list", "--config", config, "--json").stdout == b""


def test_show_gives_the_whole_alert_by_the_beginning_of_its_id(tokentrail: Tokentrail, store_alerts: Store) -> None:
    first = alert(2)
    later = [
        first.model_copy(update={"revision": 2, "change": Change.COUNT, "count": 5}),
        first.model_copy(update={"revision": 3, "change": Change.SEVERITY, "severity": "high"}),
        first.model_copy(update={"revision": 4, "change": Change.COUNT, "count": 9}),
        first.model_copy(update={"revision": 5, "change": Change.COUNT, "count": 11}),
    ]
    config = store_alerts(first, *later, alert(12))
    ran = tokentrail("alerts", "show", "0002", "--config", config)
    assert (ran.code, ran.stderr) == (0, "")
    assert max(map(len, ran.text.splitlines())) <= 80
    words = " ".join(ran.text.split())
    for expected in (
        first.alert_id,
        first.incident_id,
        "what happened in alert 2",
        "revision 5, 11 findings",
        "tries 48 10 1.5 count",
        "speed 10,450.5 900 km/h",
        "victim ip ip-2",
        "attacker ip 192.0.2.2",
        *(f"{row.outcome}, {row.country}, {row.ip}" for row in first.evidence.rows),
        "1. Revoke the token family.",
        "revoke family: Two holders redeemed it.",
        "1 2026-11-24 10:02:00 new",
        "3 2026-11-24 10:02:00 severity",
        "and 2 that only count on",
    ):
        assert expected in words, expected
    [record] = tokentrail("alerts", "show", "0002", "--config", config, "--json").records
    assert (record["revision"], record["count"]) == (5, 11)


def test_hostile_strings_reach_no_terminal(tokentrail: Tokentrail, store_alerts: Store) -> None:
    texts = dict.fromkeys(("alert_class", "title", "summary", "tenant", "iss"), HOSTILE)
    entity = Entity(type=EntityType.USER, id=HOSTILE, role=EntityRole.VICTIM, name=HOSTILE)
    plain = alert(0)
    rows = [row.model_copy(update={"ua": HOSTILE, "ip": HOSTILE}) for row in plain.evidence.rows]
    config = store_alerts(
        alert(
            0, **texts, entities=[entity], advice=[HOSTILE], evidence=plain.evidence.model_copy(update={"rows": rows})
        )
    )
    for command in (["list"], ["show", "0000"]):
        for columns in (80, 160):
            ran = tokentrail("alerts", *command, "--config", config, columns=columns)
            assert ran.code == 0
            assert all(character.isprintable() or character == "\n" for character in ran.text)
            assert HARMLESS in "".join(ran.text.split())


def test_an_unknown_id_and_one_that_several_begin_with_say_what_to_do(
    tokentrail: Tokentrail, store_alerts: Store
) -> None:
    config = store_alerts(alert(1), alert(2))
    ran = tokentrail("alerts", "show", "0099", "--config", config)
    assert (ran.code, ran.stdout) == (1, b"")
    assert ran.stderr == "error: 0099: no such alert; see `tokentrail alerts list`\n"
    ran = tokentrail("alerts", "show", "00", "--config", config)
    assert ran.code == 1
    assert "several alerts begin so; take one of 0001-000000000001, 0002-000000000002" in ran.stderr
    assert tokentrail("alerts", "show", "%", "--config", config).code == 1
    assert tokentrail("alerts", "show", "", "--config", config).code == 1
    assert tokentrail("alerts", "list", "--after", "0099", "--config", config).code == 1


@pytest.mark.parametrize("command", [["list"], ["show", "0001"]])
def test_a_store_that_is_missing_or_has_no_tables_names_the_next_step(
    command: list[str], tokentrail: Tokentrail, tmp_path: Path
) -> None:
    ran = tokentrail("alerts", *command)
    assert (ran.code, ran.stdout) == (1, b"")
    assert "tokentrail.db: no such file; start `tokentrail run`" in ran.stderr
    assert list(tmp_path.iterdir()) == []
    config = tmp_path / "empty.toml"
    config.write_text('[store]\nurl = "sqlite:///empty.db"\n', "utf-8")
    (tmp_path / "empty.db").touch()
    ran = tokentrail("alerts", *command, "--config", config)
    assert ran.code == 1
    assert "tables are missing or older than this program; start `tokentrail run`" in ran.stderr


def test_a_store_of_a_newer_program_is_not_read(tokentrail: Tokentrail, store_alerts: Store, tmp_path: Path) -> None:
    config = store_alerts(alert(1))
    database = connect(f"sqlite:///{tmp_path / 'store.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    ran = tokentrail("alerts", "list", "--config", config)
    assert ran.code == 1
    assert "newer than this program; upgrade tokentrail" in ran.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--severity", "bad"], "--severity: 'bad' is no severity; take one of informational, low"),
        (["--detector", "bad"], "--detector: unknown detector 'bad'; take one of active-set"),
        (["--entity", "alice"], "--entity: 'alice' names nobody; write type:id"),
        (["--entity", "dog:rex"], "--entity: 'dog' is no word for this; take one of user, client"),
        (["--episode", "over"], "--episode: 'over' is no word for this; take one of open, updated, closed"),
        (["--since", "2026-01-01T00:00:00"], "--since: time must be RFC 3339"),
        (["--since", "1 fortnight"], "--since: '1 fortnight' is no duration; write it like 90s"),
        (["--limit", "0"], "see tokentrail alerts list --help"),
    ],
)
def test_a_filter_that_cannot_be_read_is_wrong_usage(
    options: list[str], message: str, tokentrail: Tokentrail, store_alerts: Store
) -> None:
    ran = tokentrail("alerts", "list", "--config", store_alerts(), *options)
    assert (ran.code, ran.stdout) == (2, b"")
    assert ran.stderr.startswith("error: ")
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_alerts_of_detectors_on_trial_are_shown_only_when_asked_for(
    tokentrail: Tokentrail, store_alerts: Store
) -> None:
    tried = [alert(number).model_copy(update={"labels": ["shadow"]}) for number in (2, 4)]
    config = store_alerts(alert(1), alert(3), shadows=tried)
    listed = ("alerts", "list", "--config", config)
    assert ids(tokentrail(*listed, "--json").records) == ["0001", "0003"]
    ran = tokentrail(*listed, "--shadow", "--json")
    assert ids(ran.records) == ["0002", "0004"]
    assert [record["labels"] for record in ran.records] == [["shadow"], ["shadow"]]
    assert ids(tokentrail(*listed, "--shadow", "--detector", "failed-auth-burst", "--json").records) == ["0002"]
    assert ids(tokentrail(*listed, "--shadow", "--limit", 1, "--json").records) == ["0002"]
    assert "what happened in alert 4" in " ".join(tokentrail(*listed, "--shadow").text.split())
    nothing = tokentrail(*listed, "--shadow", "--severity", "critical", "--detector", "token-leaked")
    assert "no alerts of detectors in shadow" in nothing.text
    refused = tokentrail(*listed, "--shadow", "--since", "2h")
    assert refused.code != 0
    assert "--since" in refused.stderr
