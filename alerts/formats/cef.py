"""CEF (ArcSight Common Event Format, version 0): one line for syslog receivers. Every value is escaped."""

from __future__ import annotations

from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, Final

from alerts.record import Record
from schemas.fields import parse_time

SEVERITIES: Final = {"informational": 1, "low": 3, "medium": 5, "high": 8, "critical": 10}
"""0-3 low, 4-6 medium, 7-8 high, 9-10 very high."""
_PREFIX: Final = f"CEF:0|tokentrail|tokentrail|{version('tokentrail')}"
_HEADER: Final = str.maketrans({"\\": r"\\", "|": r"\|", "\r": " ", "\n": " "})
_EXTENSION: Final = str.maketrans({"\\": r"\\", "=": r"\=", "\r": r"\r", "\n": r"\n"})


def encode(record: Record) -> bytes:
    """Give one line, without its end."""
    name = f"{record['detector']}:{record['class']}"
    header = [name, record["title"], str(SEVERITIES[record["severity"]])]
    parts = [_PREFIX, *(text.translate(_HEADER) for text in header), _extension(record)]
    return "|".join(parts).encode()


def _extension(record: Record) -> str:
    fields = {
        "rt": _milliseconds(record["time"]),
        "start": _milliseconds(record["start"]),
        "end": _milliseconds(record["end"]),
        "externalId": record["alert_id"],
        "cat": record["class"],
        "cnt": record["count"],
        "msg": record["summary"],
        "request": record.get("url"),
        **_entities(record["entities"]),
        **_labelled("cn1", "revision", record["revision"]),
        **_labelled("cn2", "risk", record["risk"]),
        **_labelled("cs1", "incidentId", record["incident_id"]),
        **_labelled("cs2", "attack", _attack(record["attack"])),
        **_labelled("cs3", "entities", ", ".join(f"{it['role']} {it['type']}:{it['id']}" for it in record["entities"])),
        **_labelled("cs4", "evidence", ", ".join(record["evidence"]["event_ids"])),
        **_labelled("cs5", "change", f"{record['change']}, episode {record['episode']}"),
        **_labelled("cs6", "confidence", record["confidence"]),
    }
    # A key without a value swallows the next one in many parsers.
    written = ((key, str(value).strip()) for key, value in fields.items() if value is not None)
    return " ".join(f"{key}={value.translate(_EXTENSION)}" for key, value in written if value)


def _labelled(key: str, label: str, value: object) -> dict[str, Any]:
    return {key: value, f"{key}Label": label} if str(value).strip() else {}


def _milliseconds(text: str) -> int:
    return parse_time(text) // 1_000


def _attack(attack: dict[str, Any]) -> str:
    return f"{', '.join(attack['techniques'])} ({', '.join(attack['tactics'])}; ATT&CK {attack['version']})"


def _entities(entities: list[dict[str, Any]]) -> dict[str, str]:
    """The first address as the source, the first user as the one it happened to."""
    found: dict[str, str] = {}
    for entity in entities:
        match entity["type"]:
            case "ip":
                found |= {} if {"src", "c6a2"} & found.keys() else _source(entity["id"])
            case "user":
                found.setdefault("duid", entity["id"])
                found.setdefault("duser", entity.get("name") or entity["id"])
    return found


def _source(text: str) -> dict[str, str]:
    try:
        address = ip_address(text)
    except ValueError:
        return {}
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return {"src": str(address)}
    return _labelled("c6a2", "Source IPv6 Address", str(address))
