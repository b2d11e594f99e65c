"""OCSF 1.5: Detection Finding (class 2004). What OCSF has no place for stands under `unmapped`."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

import orjson

from alerts.record import Record
from schemas.alerts import Change
from schemas.fields import parse_time
from schemas.vocabulary import Confidence, Severity

VERSION: Final = "1.5.0"
CATEGORY: Final = 2
CLASS: Final = 2004
_ACTIVITIES: Final = {Change.NEW.value: (1, "Create"), Change.CLOSED.value: (3, "Close")}
_UPDATE: Final = (2, "Update")
_NEW: Final = (1, "New")
# Nobody resolved anything: an episode closes when nothing more is seen of it.
_ENDED: Final = (99, "Episode closed")
_OBSERVABLES: Final = {"ip": (2, "IP Address"), "user": (4, "User Name"), "prefix": (12, "Subnet")}
_OTHER: Final = (99, "Other")
_UNMAPPED: Final = (
    *("incident_id", "change", "episode", "iss", "entities", "observed", "distinct", "containment"),
    *("blast_radius", "revoke", "labels", "truncated"),
)


def encode(record: Record) -> bytes:
    """Give one compact JSON object."""
    activity, activity_name = _ACTIVITIES.get(record["change"], _UPDATE)
    status, status_name = _ENDED if record["change"] == Change.CLOSED.value else _NEW
    finding = {
        "time": _milliseconds(record["time"]),
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity,
        "severity_id": int(Severity[record["severity"].upper()]),
        "severity": record["severity"].capitalize(),
        "status_id": status,
        "status": status_name,
        "confidence_id": int(Confidence[record["confidence"].upper()]),
        "confidence": record["confidence"].capitalize(),
        "is_alert": True,
        "risk_score": record["risk"],
        "count": record["count"],
        "start_time": _milliseconds(record["start"]),
        "end_time": _milliseconds(record["end"]),
        "message": record["summary"],
        "metadata": _metadata(record),
        "finding_info": _finding_info(record),
        "observables": [_observable(entity) for entity in record["entities"]],
        "evidences": [_evidence(row) for row in record["evidence"]["rows"]],
        "remediation": {"desc": "\n".join(record["advice"])},
        "unmapped": {name: record[name] for name in _UNMAPPED if name in record},
    }
    return orjson.dumps({name: value for name, value in finding.items() if value != []})


def _milliseconds(text: str) -> int:
    return parse_time(text) // 1_000


def _metadata(record: Record) -> Record:
    tenant = {"tenant_uid": record["tenant"]} if "tenant" in record else {}
    return {
        "version": VERSION,
        "product": {"name": "tokentrail", "vendor_name": "tokentrail"},
        "uid": f"{record['alert_id']}:{record['revision']}",
        "correlation_uid": record["incident_id"],
        "sequence": record["revision"],
        "event_code": record["class"],
        "logged_time": _milliseconds(record["detected_at"]),
        **tenant,
    }


def _finding_info(record: Record) -> Record:
    url = {"src_url": record["url"]} if "url" in record else {}
    return {
        "uid": record["alert_id"],
        "title": record["title"],
        "desc": record["summary"],
        "types": [record["class"]],
        "analytic": {
            "type_id": 1,
            "type": "Rule",
            "uid": record["detector"],
            "name": record["detector"],
            "version": str(record["detector_version"]),
        },
        "attacks": _attacks(record["attack"]),
        "first_seen_time": _milliseconds(record["start"]),
        "last_seen_time": _milliseconds(record["end"]),
        "modified_time": _milliseconds(record["time"]),
        "related_events": [{"uid": event_id} for event_id in record["evidence"]["event_ids"]],
        **url,
    }


def _attacks(attack: dict[str, Any]) -> list[Record]:
    techniques = []
    for technique in attack["techniques"]:
        parent, dot, _ = technique.partition(".")
        named = {"technique": {"uid": parent}} | ({"sub_technique": {"uid": technique}} if dot else {})
        techniques.append({"version": attack["version"], **named})
    return [*techniques, *({"version": attack["version"], "tactic": {"name": name}} for name in attack["tactics"])]


def _observable(entity: dict[str, Any]) -> Record:
    number, kind = _OBSERVABLES.get(entity["type"], _OTHER)
    return {"name": f"{entity['role']}.{entity['type']}", "type_id": number, "type": kind, "value": entity["id"]}


def _evidence(row: dict[str, Any]) -> Record:
    """The row as it is, and the address where OCSF looks for it."""
    try:
        ip = str(ip_address(row.get("ip", "")))
    except ValueError:
        return {"data": row}
    network = {"autonomous_system": {"number": row["asn"]}} if "asn" in row else {}
    place = {"location": {"country": row["country"]}} if "country" in row else {}
    return {"data": row, "src_endpoint": {"ip": ip, **network, **place}}
