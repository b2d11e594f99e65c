"""Okta System Log: records of its API and of log streaming.

- A token request is told by an event a token, which share a transaction; the event above them counts only if it failed.
- `.grant.refresh_token` is a `refresh` where the grant is one of a refresh token, else an `issue`.
- Okta names no issuer and no family: tokens join by session, transaction and Okta's own token ids.
- A token request's actor is the client, its user a target; a login's actor is the user.
- The address of a token request may be that of an application's server: only others say that theirs is the user's.
- Countries are written in full and left to the place's coordinates; a known proxy is kept as `network`.

Source: the System Log API reference and public mappings of event types; the catalogue itself was not at hand, so a
type that is missing here counts as unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from ingest.vendors.codes import Code, Skip, skip
from ingest.vendors.fields import Record, address, part, stated, text
from ingest.vendors.okta_codes import CODES, REASONS, WATCHED
from schemas.fields import MAX_TEXT_CHARS

_DONE: Final = frozenset({"SUCCESS", "ALLOW"})
_REFUSED: Final = frozenset({"FAILURE", "DENY"})
_CLIENTS: Final = frozenset({"PublicClientApp", "ConfidentialClientApp", "AppInstance", "OAuthClient"})
_TOKENS: Final = {"access": "access_token", "refresh": "refresh_token", "id": "id_token", "api-key": "Token"}
_KEY_KINDS: Final = ("OAuth2ClientCredential", "ClientSecret", "JsonWebKey", "AppKey", "Key")
_SYSTEM: Final = "SystemPrincipal"
_PUSH_DENIED: Final = "rejected"


class Okta:
    """Reads Okta's log events, one a record."""

    title: ClassVar[str] = "Okta System Log"
    codes: ClassVar[Mapping[str, Code]] = CODES

    def recognises(self, record: Record) -> bool:
        """Events have a `uuid`, when they were `published`, and an `eventType`."""
        return "eventType" in record and "published" in record and "uuid" in record

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give the event of a record."""
        kind = record.get("eventType")
        if not isinstance(kind, str):
            return [{"event_id": record.get("uuid"), "time": record.get("published")}]
        outcome = part(record, "outcome")
        result = text(outcome.get("result"))
        name = f"{kind}/failure" if result in _REFUSED else kind
        code = CODES.get(name) if result in _DONE or result in _REFUSED else None
        if code is None or not code.fields:
            # Only in a watched area is a type that is not listed news.
            return skip("okta", kind, CODES, counters if kind.startswith(WATCHED) else Counter())
        targets = _targets(record)
        common = _common(record, targets, code.fields, counters)
        return [stated({**common, **_particular(code.fields, common, outcome, targets)})]


def _targets(record: Record) -> dict[str, Record]:
    """Give the first target of each type."""
    found: dict[str, Record] = {}
    targets = record.get("target")
    for target in targets if isinstance(targets, list) else ():
        if isinstance(target, dict) and isinstance(kind := target.get("type"), str):
            found.setdefault(kind, target)
    return found


def _common(record: Record, targets: dict[str, Record], fields: Mapping[str, Any], counters: Counter[str]) -> Record:
    debug = part(part(record, "debugContext"), "debugData")
    grant = text(debug.get("grantType"))
    by_client = text(part(record, "actor").get("type")) in _CLIENTS
    ip = address(part(record, "client").get("ipAddress"), counters, "okta")
    return {
        "event_id": record.get("uuid"),
        "vendor_event_id": record.get("uuid"),
        "time": record.get("published"),
        "source": "okta",
        "observer": text(targets.get("AuthorizationServer", {}).get("displayName")),
        "session_id": text(part(record, "authenticationContext").get("externalSessionId")),
        **_people(record, debug, targets, fields, grant),
        "txn_id": text(part(record, "transaction").get("id")),
        "grant_type": grant,
        "scope": _scopes(debug.get("grantedScopes")),
        "requested_scope": _scopes(debug.get("requestedScopes")),
        "ip": ip,
        "ip_role": None if ip is None or by_client else "user",
        **_place(record),
        "user_agent": part(part(record, "client"), "userAgent").get("rawUserAgent"),
        "device_id": text(part(record, "device").get("id")) or text(debug.get("deviceFingerprint")),
        **fields,
    }


def _people(
    record: Record, debug: Record, targets: dict[str, Record], fields: Mapping[str, Any], grant: str | None
) -> Record:
    """Tell user and client apart: either is the actor, and the other a target."""
    actor, user = part(record, "actor"), targets.get("User", {})
    who = text(actor.get("id"))
    if text(actor.get("type")) in _CLIENTS:
        subject = text(user.get("id")) or _subject_of_token(targets)
        people = {"sub": subject, "sub_type": "user", "username": text(user.get("alternateId")), "client_id": who}
        if subject is None or subject == who:
            own = who if grant == "client_credentials" and fields["type"] == "issue" else None
            people |= {"sub": own, "sub_type": "service" if own else None}
        return people
    client = text(debug.get("clientId")) or text(targets.get("AppInstance", {}).get("id"))
    if fields.get("revoke_scope") == "subject" and user:
        admin = text(actor.get("alternateId")) or who
        done_to = {"sub": text(user.get("id")), "username": text(user.get("alternateId"))}
        return {
            **done_to,
            "sub_type": "user",
            "client_id": client,
            "actor": [admin] if admin else None,
            "session_id": None,
        }
    name = text(actor.get("alternateId"))
    if who is None:
        return {"login": name, "client_id": client} if fields["type"] == "verify-failure" else {"client_id": client}
    sub_type = "service" if actor.get("type") == _SYSTEM else "user"
    return {"sub": who, "sub_type": sub_type, "username": name, "client_id": client}


def _subject_of_token(targets: dict[str, Record]) -> str | None:
    for kind in _TOKENS.values():
        if subject := text(part(targets.get(kind, {}), "detailEntry").get("subject")):
            return subject
    return None


def _scopes(value: object) -> list[str] | None:
    """Split scopes, which are listed with commas."""
    return value.replace(",", " ").split() or None if isinstance(value, str) else None


def _place(record: Record) -> Record:
    context, place = part(record, "securityContext"), part(part(record, "client"), "geographicalContext")
    position = part(place, "geolocation")
    return {
        # 0 stands for none.
        "asn": context.get("asNumber") or None,
        "as_org": text(context.get("asOrg")),
        "network": ["relay"] if context.get("isProxy") is True else None,
        "city": text(place.get("city")),
        "lat": position.get("lat"),
        "lon": position.get("lon"),
    }


def _particular(fields: Mapping[str, Any], common: Record, outcome: Record, targets: dict[str, Record]) -> Record:
    match fields["type"]:
        case "verify-failure":
            return {**_failure(fields, outcome), **_token(fields.get("token_type"), targets)}
        case "key-use":
            target = next((targets[kind] for kind in _KEY_KINDS if kind in targets), {})
            return {"key_id": text(target.get("id")), "reason_raw": text(outcome.get("reason"))}
        case "revoke":
            return _revoked(fields, targets)
    kind = fields["token_type"]
    minted = _token(kind, targets)
    if kind == "refresh" and common["grant_type"] == "refresh_token":
        return {**minted, "type": "refresh"}
    return minted


def _failure(fields: Mapping[str, Any], outcome: Record) -> Record:
    said = text(outcome.get("reason")) or ""
    if fields["reason"] == "mfa-failed":
        reason = "mfa-denied" if _PUSH_DENIED in said.casefold() else "mfa-failed"
    else:
        reason = REASONS.get(said, fields["reason"]) if fields["reason"] == "other" else fields["reason"]
    return {"reason": reason, "reason_raw": said[:MAX_TEXT_CHARS] or None}


def _token(kind: object, targets: dict[str, Record]) -> Record:
    target = targets.get(_TOKENS.get(str(kind), ""), {})
    token = text(target.get("id"))
    if token is None:
        return {}
    expires = part(target, "detailEntry").get("expires")
    return {"token_id": token, "token_id_kind": "vendor", "exp": expires}


def _revoked(fields: Mapping[str, Any], targets: dict[str, Record]) -> Record:
    if fields["revoke_scope"] == "client":
        return {"client_id": text(targets.get("AppInstance", targets.get("PublicClientApp", {})).get("id"))}
    if fields["revoke_scope"] == "token":
        for ours, theirs in _TOKENS.items():
            if theirs in targets:
                return {**_token(ours, targets), "token_type": ours}
    return {}
