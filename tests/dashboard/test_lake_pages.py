"""Pages that read the event lake: raw events, entities, token families and the hunt, on events that a worker kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from ingest.simulator import Planned, Simulation, Traffic
from schemas.alerts import Alert
from schemas.fields import parse_time
from schemas.vocabulary import EntityType
from store.engine import connect
from store.queries import AlertFilter, Queries
from tests.dashboard.alert_samples import HOSTILE
from tests.dashboard.apptest import charts, run_page, words
from tests.lakes import keep, settings_of

START = parse_time("2026-03-02T09:00:00Z")
MINUTE = 60_000_000


class Kept(NamedTuple):
    """A store with a lake, and one alert of a stolen refresh token in it."""

    store: str
    lake: str
    alert: Alert


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    settings = settings_of(tmp_path_factory.mktemp("kept"))
    plan = [Planned("refresh-replay", "revoked", START + MINUTE)]
    events = Simulation(3, START, plan, Traffic(rate=1.0, users=20)).advance(START + 60 * MINUTE)
    hostile = dict.fromkeys(("sub", "username", "client_id", "device_id", "city", "observer"), HOSTILE[:200])
    last = {"event_id": "hostile", "type": "key-use", "time": "2026-03-02T10:00:01Z", "user_agent": HOSTILE, **hostile}
    keep(settings, [*events, last])
    database = connect(settings.store.url)
    queries = Queries(database)
    bodies = queries.bodies(AlertFilter(detectors=("refresh-reuse",)), limit=1)
    database.close()
    return Kept(settings.store.url, str(settings.lake.path), Alert.model_validate_json(bodies[0]))


def shown(kept: Kept, page: str, **query: str) -> AppTest:
    return run_page(kept.store, page, query, lake=kept.lake)


def table(app: AppTest, column: str) -> pd.DataFrame:
    return next(found.value for found in app.dataframe if column in found.value)


def query_of(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def family_of(alert: Alert) -> str:
    return next(entity.id for entity in alert.entities if entity.type is EntityType.FAMILY)


def test_evidence_leads_to_the_raw_event_in_one_click(kept: Kept) -> None:
    evidence = table(shown(kept, "alert", id=kept.alert.alert_id), "Event")
    address = query_of(evidence["Event"].iloc[-1])
    app = shown(kept, "event", **address)
    assert address["id"] in kept.alert.evidence.event_ids
    fields = table(app, "Field").set_index("Field")["Value"]
    assert fields["event_id"] == address["id"]
    assert fields["type"] == evidence["What"].iloc[-1]
    assert f'"event_id": "{address["id"]}"' in app.code[0].value


@pytest.mark.parametrize("query", [{}, {"id": "x"}, {"id": "x", "at": "9" * 400}, {"id": "x", "at": "-1"}])
def test_an_address_that_names_no_event(kept: Kept, query: dict[str, str]) -> None:
    assert "The lake holds no such event" in words(shown(kept, "event", **query))


def test_entities_of_an_alert_have_pages(kept: Kept) -> None:
    involved = table(shown(kept, "alert", id=kept.alert.alert_id), "Role")
    assert {urlsplit(link).path for link in involved["More"]} == {"/entity", "/family"}


def test_an_entity_says_who_when_and_why(kept: Kept) -> None:
    user = next(entity for entity in kept.alert.entities if entity.type is EntityType.USER)
    app = shown(kept, "entity", type="user", id=user.id)
    text = words(app)
    assert user.id in text
    assert any(kept.alert.title in str(link.proto).replace("\\", "") for link in app.get("page_link"))
    assert "2026-03-02" in text
    assert charts(app) == 1
    assert set(table(app, "Weight")["Detector"]) >= {"refresh-reuse"}
    assert table(app, "City")["Events"].sum() > 0
    assert set(table(app, "Event")["User"]) == {user.id}


@pytest.mark.parametrize("kind", list(EntityType))
def test_every_kind_of_entity_can_be_asked_for(kept: Kept, kind: EntityType) -> None:
    assert "never" in words(shown(kept, "entity", type=kind.value, id="nobody' OR 1=1 --"))


@pytest.mark.parametrize("query", [{}, {"type": "user"}, {"type": "x'", "id": "1"}])
def test_an_address_that_names_no_entity(kept: Kept, query: dict[str, str]) -> None:
    assert "The address needs type and id" in words(shown(kept, "entity", **query))


def test_a_family_is_drawn_with_the_branch_of_the_spent_token(kept: Kept) -> None:
    app = shown(kept, "family", id=family_of(kept.alert))
    assert charts(app) == 1
    steps = table(app, "Generation")
    assert list(steps["Step"].unique()) == ["issue", "refresh", "reuse"]
    assert set(steps.loc[steps["Step"] == "reuse", "Branch"]) != {"chain"}
    holders = table(app, "At issue").set_index("What")
    assert holders.loc["Address", "Same"] == "✖ no"


def test_a_leaked_token_is_found_by_its_hash(kept: Kept) -> None:
    token = table(shown(kept, "family", id=family_of(kept.alert)), "Generation")["Token"].iloc[0]
    assert "never" not in words(shown(kept, "entity", type="token", id=token))
    assert any(token in str(link.proto) for link in shown(kept, "events", token=token).get("page_link"))


def test_the_hunt_reads_its_filters_from_the_address(kept: Kept) -> None:
    app = shown(kept, "events", type="verify-failure", reason="reused", span="All that is kept")
    found = table(app, "Event")
    assert set(found["Reason"]) == {"reused"}
    assert f"{len(found)} events match" in words(app)
    since = shown(kept, "events", **{"from": "2026-03-02T11:00:00Z"})
    assert "No event matches" in words(since)
    assert "time must be RFC 3339" in words(shown(kept, "events", **{"from": "yesterday"}))


def test_pages_of_the_hunt_follow_each_other(kept: Kept) -> None:
    app = shown(kept, "events", span="All that is kept")
    first = table(app, "Event")["Event"]
    next(button for button in app.button if button.label == "Older").click().run()
    second = table(app, "Event")["Event"]
    assert len(first) == len(second) == 100
    assert set(first).isdisjoint(second)


def test_what_an_attacker_writes_is_shown_as_text(kept: Kept) -> None:
    address: dict[str, Any] = {"id": "hostile", "at": str(parse_time("2026-03-02T10:00:01Z"))}
    for app in (
        shown(kept, "event", **address),
        shown(kept, "entity", type="user", id=HOSTILE[:200]),
        shown(kept, "events", client_id=HOSTILE[:200], span="All that is kept"),
    ):
        assert not any("\u202e" in str(found.value) for found in (*app.text, *app.code, *app.markdown))
        assert not app.exception


def test_a_lake_that_is_gone_is_told(kept: Kept, tmp_path: Path) -> None:
    app = run_page(kept.store, "entity", {"type": "user", "id": "u"}, lake=str(tmp_path / "nowhere"))
    assert "cannot be read" in words(app)
