"""SIEM formats, judged by other people's validators: nothing in an event breaks a record or adds a field to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.formats import FORMATS
from alerts.formats.cef import SEVERITIES
from alerts.sinks.file import FileSink
from schemas.alerts import Alert, Change, Entity, EpisodeState
from schemas.fields import parse_time
from schemas.vocabulary import EntityRole, EntityType, Severity
from tests.alerts.siem import cef, ocsf, stored, written
from tests.dashboard.alert_samples import NOON, hostile, sample

HOSTILE = ["a|b", "a\\", "a=b c=d", "a\r\nb", "\\n", "x src=203.0.113.9 duser=root", "CEF:0|a|b|c", "x\u2028=\\|y"]
KEYS = set(cef(sample(0)))


def user(name: str) -> Alert:
    return sample(0).model_copy(
        update={"entities": [Entity(type=EntityType.USER, id=name, role=EntityRole.VICTIM)], "summary": name}
    )


def changed(change: Change, episode: EpisodeState = EpisodeState.UPDATED) -> Alert:
    return sample(0, revision=2).model_copy(update={"change": change, "episode": episode})


def test_ocsf_says_what_the_alert_says() -> None:
    alert = sample(0)
    finding = ocsf(alert)
    assert finding["finding_info"]["uid"] == alert.alert_id
    assert finding["metadata"]["uid"] == f"{alert.alert_id}:1"
    assert finding["metadata"]["correlation_uid"] == alert.incident_id
    assert finding["time"] == parse_time(alert.time) // 1_000
    assert finding["metadata"]["logged_time"] == NOON // 1_000
    assert finding["finding_info"]["attacks"] == [
        {"version": "17.1", "technique": {"uid": "T1528"}},
        {"version": "17.1", "tactic": {"name": "Credential Access"}},
    ]
    assert [it["uid"] for it in finding["finding_info"]["related_events"]] == alert.evidence.event_ids
    assert [it["data"]["ip"] for it in finding["evidences"]] == [row.ip for row in alert.evidence.rows]
    assert [it["src_endpoint"]["ip"] for it in finding["evidences"]] == [row.ip for row in alert.evidence.rows]
    assert finding["unmapped"]["revoke"] == alert.revoke.model_dump()


def test_ocsf_names_a_subtechnique_beside_its_technique() -> None:
    (technique, _) = ocsf(sample(1))["finding_info"]["attacks"]
    assert technique == {"version": "17.1", "technique": {"uid": "T1078"}, "sub_technique": {"uid": "T1078.004"}}


@pytest.mark.parametrize(
    ("alert", "type_uid", "status"),
    [
        (sample(0), 200401, "New"),
        (changed(Change.SEVERITY), 200402, "New"),
        (changed(Change.COUNT), 200402, "New"),
        (changed(Change.CLOSED, EpisodeState.CLOSED), 200403, "Episode closed"),
    ],
)
def test_ocsf_follows_the_life_of_an_alert(alert: Alert, type_uid: int, status: str) -> None:
    finding = ocsf(alert)
    assert (finding["type_uid"], finding["status"]) == (type_uid, status)


@pytest.mark.parametrize("severity", Severity)
def test_severities(severity: Severity) -> None:
    alert = sample(0, severity=severity.name.lower())  # type: ignore[arg-type]
    assert ocsf(alert)["severity_id"] == severity.value
    assert cef(alert)["Severity"] == str(SEVERITIES[alert.severity])


def test_cef_says_what_the_alert_says() -> None:
    alert = sample(0)
    fields = cef(alert)
    assert fields["DeviceEventClassID"] == "refresh-reuse:stolen"
    assert fields["Name"] == alert.title
    assert fields["externalId"] == alert.alert_id
    assert fields["incidentId"] == alert.incident_id
    assert int(fields["rt"]) == parse_time(alert.time) // 1_000
    assert fields["src"] == alert.entities[1].id
    assert fields["attack"] == "T1528 (Credential Access; ATT&CK 17.1)"
    assert fields["evidence"] == ", ".join(alert.evidence.event_ids)


def test_cef_has_a_place_of_its_own_for_ipv6() -> None:
    entity = Entity(type=EntityType.IP, id="2001:db8::1", role=EntityRole.ATTACKER)
    fields = cef(sample(0).model_copy(update={"entities": [entity]}))
    assert fields["Source IPv6 Address"] == "2001:db8::1"
    assert "src" not in fields


@pytest.mark.parametrize("text", HOSTILE)
def test_cef_keeps_hostile_words_in_their_field(text: str) -> None:
    fields = cef(user(text))
    assert fields["duser"] == text
    assert set(fields) <= KEYS | {"duid", "duser"}
    assert "src" not in fields


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_no_text_breaks_a_record(text: str) -> None:
    assert ocsf(user(text))["observables"][0]["value"] == text
    if text.strip():
        assert cef(user(text))["duser"] == text.strip()


@pytest.mark.parametrize("title", ["a|b", "a\\|b", "a\\", "two\r\nlines"])
def test_the_header_of_cef_has_seven_fields_whatever_they_hold(title: str) -> None:
    line = written(sample(0).model_copy(update={"title": title}), "cef").decode()
    fields = re.findall(r"((?:\\.|[^|\\])*)\|", line)
    assert len(fields) == 7
    assert re.sub(r"\\(.)", r"\1", fields[5]) == re.sub(r"[\r\n]", " ", title)


@pytest.mark.parametrize("name", FORMATS)
def test_a_hostile_alert_fits(name: str) -> None:
    assert written(hostile(0), name)
    ocsf(hostile(0))


@pytest.mark.parametrize("name", FORMATS)
def test_siem_formats_leave_out_what_only_counts(name: str, tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "alerts", FORMATS[name])
    sink.write([stored(sample(0)), stored(changed(Change.COUNT)), stored(changed(Change.ENTITY))])
    sink.close()
    assert len((tmp_path / "alerts").read_bytes().splitlines()) == (3 if name == "native" else 2)
