"""`tokentrail suppressions` and `tokentrail audit verify` on a store with alerts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from store.engine import connect
from tests.app.conftest import Tokentrail
from tests.dashboard.alert_samples import sample

Store = Callable[..., Path]
ADD = ("suppressions", "add", "--reason", "a test of ours")


def test_a_suppression_is_made_listed_and_ended_and_the_audit_shows_it(
    tokentrail: Tokentrail, store_alerts: Store, tmp_path: Path
) -> None:
    config = ("--config", store_alerts(*(sample(number) for number in range(5))))
    made = tokentrail(*ADD, *config, "--detector", "refresh-reuse", "--entity", "ip:192.0.2.0", "--for", "2d")
    assert (made.code, made.stdout) == (0, b"")
    assert "suppress 1 hides 1 open alerts now, for 2d: detector refresh-reuse, ip 192.0.2.0" in made.stderr
    hidden = tokentrail("alerts", "list", *config, "--status", "suppressed", "--json").records
    assert [record["alert_id"] for record in hidden] == [sample(0).alert_id]
    [listed] = tokentrail("suppressions", "list", *config, "--json").records
    assert (listed["id"], listed["state"], listed["hides"], listed["reason"]) == (1, "active", 1, "a test of ours")
    table = tokentrail("suppressions", "list", *config, columns=200).text
    assert "detector refresh-reuse, ip 192.0.2.0" in table
    assert tokentrail("suppressions", "end", "1", *config, "--reason", "over").code == 0
    assert tokentrail("suppressions", "list", *config).text.strip() == "nothing is hidden"
    [ended] = tokentrail("suppressions", "list", *config, "--all", "--json").records
    assert (ended["state"], ended["ended_because"]) == ("ended", "over")
    verified = tokentrail("audit", "verify", *config, "--json")
    assert verified.code == 0
    [found] = verified.records
    assert (found["entries"], found["intact"], found["faults"]) == (3, True, [])
    database = connect(f"sqlite:///{tmp_path / 'store.db'}")
    with database.write() as connection:
        connection.execute(text("UPDATE audit_log SET actor = 'eve' WHERE seq = 2"))
    database.close()
    broken = tokentrail("audit", "verify", *config, "--anchor", found["anchor"])
    assert (broken.code, broken.text) == (1, "entry 2: was changed, or moved here from another place\n")
    assert tokentrail("audit", "verify", *config, "--json").records[0]["intact"] is False


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((*ADD,), 2, "name a detector or an entity"),
        ((*ADD, "--detector", "none-such"), 1, "no open alert fits"),
        ((*ADD, "--entity", "alice"), 2, "write type:id"),
        ((*ADD, "--detector", "refresh-reuse", "--for", "91d"), 1, "must end within 90 days"),
        ((*ADD, "--detector", "refresh-reuse", "--kind", "forget"), 2, "suppress, mute"),
        (("suppressions", "add", "--reason", " ", "--detector", "refresh-reuse"), 1, "reason: is empty"),
        (("suppressions", "end", "7", "--reason", "x"), 1, "no such suppression holds"),
        (("audit", "verify", "--anchor", "x"), 1, "write it number:hash"),
    ],
)
def test_errors_name_the_place_and_the_next_step(
    arguments: tuple[str, ...], code: int, says: str, tokentrail: Tokentrail, store_alerts: Store
) -> None:
    ran = tokentrail(*arguments, "--config", store_alerts(sample(0)))
    assert (ran.code, ran.stdout) == (code, b"")
    assert says in ran.stderr


def test_a_mute_before_the_first_alert(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = ("--config", store_alerts())
    assert tokentrail(*ADD, *config, "--kind", "mute", "--entity", "client:scanner", "--severity", "high").code == 0
    [listed] = tokentrail("suppressions", "list", *config, "--json").records
    assert (listed["kind"], listed["covers"]) == ("mute", {"severity": 4})


def test_the_note_for_the_next_shift(tokentrail: Tokentrail, store_alerts: Store) -> None:
    config = ("--config", store_alerts(*(sample(number) for number in range(3))))
    assert tokentrail(*ADD, *config, "--detector", "refresh-reuse", "--entity", "ip:192.0.2.0").code == 0
    note = tokentrail("handover", *config)
    assert note.code == 0
    assert "## New (2)" in note.text
    assert "## Suppressions" in note.text
    [record] = tokentrail("handover", *config, "--since", "1h", "--json").records
    assert (record["found"], record["new"]["total"], record["suppressions"][0]["reason"]) == (3, 2, "a test of ours")
    later = tokentrail("handover", *config, "--since", "2100-01-01T00:00:00Z", "--json").records[0]
    assert (later["found"], later["older"]) == (0, 2)
    bad = tokentrail("handover", *config, "--since", "tea")
    assert (bad.code, bad.stdout) == (2, b"")
    assert "--since" in bad.stderr
