"""Auth0 tenant logs: records of the Management API, and of log streams with their `data` wrapper.

- The issuer is the tenant. A login issues a session; an exchange issues an access token by the `jti` it names, and a
  refresh token where `details.refresh_token` shows one. Its family is named from the first refresh on, so the first
  generation joins by the session.
- A refresh gives an `issue` of the access token and a `refresh` with family, generation, requested and granted scope.
- Reuse (`ferrt`) names the generation that was presented and the latest one.
- Addresses of exchanges may be those of an application's server: only logins say that theirs is the user's.
- Who typed a name that does not exist is known by its keyed hash alone.

Source: Auth0's log event type codes and the schemas of auth0/auth0-log-schemas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from ingest.vendors.auth0_codes import CODES, ERRORS, KEY_STATES
from ingest.vendors.codes import Code, Skip, skip
from ingest.vendors.fields import Record, address, part, stated, text
from schemas.fields import MAX_TEXT_CHARS

_SERVERS: Final = frozenset({"client_credentials", "jwt-bearer", "token-exchange"})
_TOKENS: Final = frozenset({"access", "refresh"})


class Auth0:
    """Reads Auth0's tenant logs, one record each."""

    title: ClassVar[str] = "Auth0 tenant logs"
    codes: ClassVar[Mapping[str, Code]] = CODES

    def recognises(self, record: Record) -> bool:
        """Records have a `log_id` of their own or of the stream's wrapper, a date and a type."""
        body = part(record, "data") or record
        return "log_id" in body and "date" in body and "type" in body

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give the events of a record: an exchange is one a token."""
        body = part(record, "data") or record
        kind = body.get("type")
        if not isinstance(kind, str):
            return [{"event_id": body.get("log_id"), "time": body.get("date")}]
        code = CODES.get(kind)
        if code is None or not code.fields:
            return skip("auth0", kind, CODES, counters)
        common = _common(record, body, code.fields, counters)
        details = part(body, "details")
        return [stated({**common, **event}) for event in _particular(code.fields, body, details)]


def _common(record: Record, body: Record, fields: Mapping[str, Any], counters: Counter[str]) -> Record:
    details = part(body, "details")
    log_id = body.get("log_id", record.get("log_id"))
    grant = fields.get("grant_type")
    ip = address(body.get("ip"), counters, "auth0")
    return {
        "event_id": log_id,
        "vendor_event_id": log_id,
        "time": body.get("date"),
        "iss": text(body.get("tenant_name")) or text(body.get("hostname")),
        "source": "auth0",
        **_subject(body, fields),
        "client_id": text(body.get("client_id")),
        "session_id": _session(details),
        "aud": body.get("audience"),
        "scope": body.get("scope"),
        "requested_scope": details.get("requested_scope"),
        "ip": ip,
        "ip_role": None if ip is None else "user" if grant is None else "server" if grant in _SERVERS else None,
        "user_agent": body.get("user_agent"),
        "device_id": text(details.get("device_id")),
        "ja4": text(part(body, "security_context").get("ja4")),
        "presented_cnf": text(body.get("mtls_thumbprint_sha256")),
        **fields,
    }


def _session(details: Record) -> str | None:
    session = text(details.get("session_id"))
    return session or text(part(details, "refresh_token").get("session_id"))


def _subject(body: Record, fields: Mapping[str, Any]) -> Record:
    """Name who it was: a user, a client for itself, or only what was typed."""
    user, name = text(body.get("user_id")), text(body.get("user_name"))
    if user:
        return {"sub": user, "sub_type": "user", "username": name}
    if fields["type"] == "issue" and fields.get("grant_type") == "client_credentials":
        return {"sub": text(body.get("client_id")), "sub_type": "service"}
    return {"login": name} if fields["type"] == "verify-failure" else {"username": name}


def _particular(fields: Mapping[str, Any], body: Record, details: Record) -> list[Record]:
    match fields["type"]:
        case "refresh":
            return _refreshed(body, details)
        case "verify-failure":
            return [_failure(fields, body, details)]
        case "key-use":
            operation = KEY_STATES.get(text(details.get("state")) or "")
            return [
                {
                    "key_id": text(details.get("id")),
                    "reason_raw": text(details.get("state")),
                    **({"operation": operation} if operation else {}),
                }
            ]
        case "revoke":
            return [_revocation(fields, body, details)]
    return _minted(fields, body, details) if fields["token_type"] in _TOKENS else [{}]


def _access(body: Record, details: Record) -> Record:
    jti = text(details.get("access_token_jti"))
    return {
        "event_id": _token_event(body, "access"),
        "type": "issue",
        "token_type": "access",
        "txn_id": body.get("log_id"),
        **({"token_id": jti, "token_id_kind": "jti"} if jti else {}),
    }


def _token_event(body: Record, token: str) -> object:
    log_id = body.get("log_id")
    return f"{log_id}#{token}" if isinstance(log_id, str) else log_id


def _minted(fields: Mapping[str, Any], body: Record, details: Record) -> list[Record]:
    events = [_access(body, details)]
    if isinstance(details.get("refresh_token"), dict):
        refresh = {"type": "issue", "token_type": "refresh", "generation": 0, "family_id": details.get("familyId")}
        events.append({"event_id": _token_event(body, "refresh"), "txn_id": body.get("log_id"), **fields, **refresh})
    return events


def _refreshed(body: Record, details: Record) -> list[Record]:
    family = {"family_id": text(details.get("familyId"))}
    refreshed = {
        "event_id": _token_event(body, "refresh"),
        "token_type": "refresh",
        "txn_id": body.get("log_id"),
        "generation": details.get("tokenCounter"),
        # Tokens that do not rotate are in no family.
        "rotated": family["family_id"] is not None,
    }
    return [{**_access(body, details), **family}, {**refreshed, **family}]


def _failure(fields: Mapping[str, Any], body: Record, details: Record) -> Record:
    error = part(details, "error")
    word = text(error.get("oauthError")) or text(error.get("type")) or ""
    said = text(body.get("description")) or text(error.get("message")) or word
    failure: Record = {
        "reason": fields["reason"] if fields["reason"] == "reused" else ERRORS.get(word, fields["reason"]),
        "reason_raw": said[:MAX_TEXT_CHARS] or None,
    }
    if fields.get("grant_type") == "refresh_token":
        failure |= {
            "token_type": "refresh",
            "family_id": text(details.get("familyId")),
            "generation": details.get("tokenCounter"),
            "latest_generation": details.get("latestCounter"),
        }
    return failure


def _revocation(fields: Mapping[str, Any], body: Record, details: Record) -> Record:
    said = {"reason_raw": (text(body.get("description")) or "")[:MAX_TEXT_CHARS] or None}
    if fields["revoke_scope"] != "token":
        return said
    token = text(details.get("credential_id"))
    return {
        **said,
        "token_type": "refresh",
        **({"token_id": token, "token_id_kind": "vendor"} if token else {}),
        "grant_id": text(details.get("grant_id")),
        "count": details.get("removedCount"),
    }
