"""The published record fits every consumer, whatever an event smuggles into it, and is cut in a written order."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from alerts.record import headers_of, record_of
from schemas.alerts import MAX_ALERT_BYTES, Alert, BlastRadius, Entity, Evidence, Observation, Revoke
from schemas.export import documents
from schemas.fields import format_time
from schemas.revisions import Revision, StoredRevision
from schemas.vocabulary import EntityRole, EntityType
from tests.dashboard.alert_samples import NOON, sample

CONTRACT = Draft202012Validator(documents()["token-alert.v1.json"])
TEXTS = {"quotes": '"' * 1024, "wide": "😀" * 1024, "controls": "\x01a" * 512, "bidi": "\u202ea" * 512}


def published(alert: Alert) -> dict[str, Any]:
    data = record_of(StoredRevision(1, alert.alert_id, alert.change, NOON, Revision(alert).body))
    assert len(data) <= MAX_ALERT_BYTES
    assert b"\n" not in data
    record: dict[str, Any] = orjson.loads(data)
    assert list(CONTRACT.iter_errors(record)) == []
    return record


def test_what_fits_is_published_whole() -> None:
    alert = sample(1)
    record = published(alert)
    assert record.pop("detected_at") == format_time(NOON)
    assert record == orjson.loads(Revision(alert).body)
    assert record["truncated"] is False


def test_rows_go_first_then_ids_then_advice_then_entities() -> None:
    whole = sample(1)
    rows = Evidence(event_ids=["e"], rows=[whole.evidence.rows[0].model_copy(update={"ua": "u" * 8_000})])
    many = [Entity(type=EntityType.IP, id=f"192.0.2.{n}" + "x" * 200, role=EntityRole.OBSERVER) for n in range(30)]
    without_rows = published(whole.model_copy(update={"evidence": rows}))
    assert without_rows["evidence"] == {"event_ids": ["e"], "rows": [], "truncated": True}
    ids = published(whole.model_copy(update={"evidence": Evidence(event_ids=["e" * 250] * 40, rows=[])}))
    assert len(ids["evidence"]["event_ids"]) == 1
    assert len(ids["advice"]) == 2
    advice = published(whole.model_copy(update={"advice": ["a" * 250] * 40}))
    assert (len(advice["advice"]), len(advice["entities"])) == (1, 2)
    entities = published(whole.model_copy(update={"entities": many}))
    assert [entity["id"] for entity in entities["entities"]] == [entity.id for entity in many[:5]]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_nothing_makes_a_record_that_cannot_be_published(text: str) -> None:
    whole = sample(1)
    texts = dict.fromkeys(("title", "summary", "tenant", "iss", "url"), text)
    entity = Entity(type=EntityType.USER, id="u", role=EntityRole.VICTIM)
    alert = whole.model_copy(
        update=texts
        | {
            "entities": [entity.model_copy(update={"id": text, "name": text, "tenant": text})] * 50,
            "observed": [Observation(metric="country", value=text, threshold=1, baseline=text, unit="country")] * 50,
            "blast_radius": BlastRadius.model_construct(aud=[text] * 50, scopes=[text] * 50, calls=1),
            "evidence": whole.evidence.model_copy(update={"event_ids": [text] * 50}),
            "advice": [text] * 50,
            "labels": [text] * 50,
            "revoke": Revoke.model_construct(flag=True, what="family", why=text),
        }
    )
    record = published(alert)
    assert record["truncated"] is True
    for name in ("alert_id", "incident_id", "time", "start", "end", "detector", "class", "revision", "severity"):
        assert record[name] == orjson.loads(Revision(whole).body)[name]


def test_headers_repeat_the_body() -> None:
    alert = sample(3, revision=7)
    revision = StoredRevision(1, alert.alert_id, alert.change, NOON, Revision(alert).body)
    assert dict(headers_of(revision, "application/json", "token-alert.v1")) == {
        "content-type": b"application/json",
        "schema": b"token-alert.v1",
        "alert_id": alert.alert_id.encode(),
        "severity": alert.severity.encode(),
        "detector": alert.detector.encode(),
        "revision": b"7",
    }
