"""Keycloak: user and admin events, as JSON or as its event listener logs them.

- The issuer is the realm, a family is what Keycloak ends when a spent token returns: one client's part of a session.
- A browser login is LOGIN, then CODE_TO_TOKEN by the client, whose address may be a server's. LOGIN is the login (issue
  of a session); the tokens of CODE_TO_TOKEN name no grant, so that nothing takes them for a second one.
- Reuse, a stale token and a logout all say `error=invalid_token`: the detail `reason` tells them apart.
- REFRESH_TOKEN is not saved by default, and the listener logs successes only with
  `--spi-events-listener--jboss-logging--success-level=info`. Lines need `[org.keycloak.events]`, as Keycloak's own form
  has; a time without an offset is read as UTC and counted (`keycloak:time-without-offset`).
- In a line an administrator's act names the administrator's realm alone, as JSON the one acted on, too: only the latter
  joins with what happened to users of another realm.

Source: EventType, Errors, Details and TokenManager of Keycloak 26.4; its server administration guide on auditing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.vendors.codes import Code, Skip, skip
from ingest.vendors.fields import Record, address, part, stated, text
from ingest.vendors.keycloak_codes import (
    CODES,
    CREDENTIAL_REASONS,
    ENDS,
    ERRORS,
    FAILING,
    INTERRUPTS,
    MINTS,
    REASONS,
    USES,
)
from ingest.vendors.keycloak_log import EVENTS_LOGGER, id_of, read_line, read_message
from schemas.fields import parse_time

_SERVICE_ACCOUNT: Final = "service-account-"
_BACK_CHANNEL: Final = frozenset(
    {"CLIENT_LOGIN", "INTROSPECT_TOKEN", "TOKEN_EXCHANGE", "PERMISSION_TOKEN", "JWT_BEARER"}
)
_ADMIN_ENDS: Final = (
    ("ACTION", re.compile(r"users/(?P<sub>[^/]+)/logout"), "subject"),
    ("DELETE", re.compile(r"users/(?P<sub>[^/]+)"), "subject"),
    ("DELETE", re.compile(r"sessions/(?P<session_id>[^/]+)"), "session"),
    ("DELETE", re.compile(r"users/(?P<sub>[^/]+)/consents/(?P<client_id>[^/]+)"), "grant"),
)
"""Operation and path of what an administrator ends, and how much that covers."""
_CODE: Final = re.compile(r"[a-zA-Z_:]{1,80}")


class Keycloak:
    """Reads Keycloak's events, one a record: JSON, a JSON log record that holds a message, or a log line."""

    title: ClassVar[str] = "Keycloak events"
    codes: ClassVar[Mapping[str, Code]] = CODES

    def read_line(self, line: bytes) -> Record | None:
        """Read a line of the console or of a log file."""
        return read_line(line)

    def recognises(self, record: Record) -> bool:
        """Events have a realm and a type or operation; log records name Keycloak's logger."""
        if "realmId" in record:
            return "type" in record or "operationType" in record
        logger = record.get("loggerName", record.get("log.logger"))
        return isinstance(logger, str) and logger.startswith("org.keycloak.")

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give the events of a record: a token response is one event a token."""
        seen = _flat(record, counters)
        if seen is None:
            return Skip("keycloak:log")
        kind = text(seen.get("type"))
        if kind is None and "operationType" in seen:
            return _admin(seen, counters)
        kind = kind or ""
        base = kind.removesuffix("_ERROR")
        failed = kind != base or seen.get("error") is not None
        particular = _failure(base, seen) if failed else _success(kind, seen)
        if not particular:
            return skip("keycloak", kind, CODES, counters)
        common = _common(base, seen, counters)
        return [stated({**common, **event, "event_id": _part_id(seen, suffix)}) for suffix, event in particular]


def _flat(record: Record, counters: Counter[str]) -> Record | None:
    """Give the fields of an event and its details side by side; None for a log record that is none."""
    if "realmId" in record:
        own, details, auth = record, part(record, "details"), part(record, "authDetails")
        return {**details, **auth, **own}
    message = text(record.get("message"))
    if message is None or record.get("loggerName", record.get("log.logger")) != EVENTS_LOGGER:
        return None
    fields, whole = read_message(message)
    if not whole:
        counters["keycloak:message-cut"] += 1
    if record.get("timestampHasOffset") is False:
        counters["keycloak:time-without-offset"] += 1
    return {**fields, "made_id": id_of(record, message), "time": record.get("timestamp", record.get("@timestamp"))}


def _common(base: str, seen: Record, counters: Counter[str]) -> Record:
    username = text(seen.get("username"))
    service = base == "CLIENT_LOGIN" or (username or "").startswith(_SERVICE_ACCOUNT)
    return {
        "vendor_event_id": seen.get("id"),
        "txn_id": _id(seen),
        "time": seen.get("time"),
        "iss": seen.get("realmId"),
        "source": "keycloak",
        "sub": seen.get("userId"),
        "sub_type": "service" if service else "user",
        "username": username if text(seen.get("userId")) else None,
        "client_id": seen.get("clientId"),
        "session_id": seen.get("sessionId"),
        "ip": address(seen.get("ipAddress"), counters, "keycloak"),
        "ip_role": "server" if base in _BACK_CHANNEL else None,
        "scope": seen.get("scope"),
        "aud": seen.get("audience"),
    }


def _success(kind: str, seen: Record) -> list[tuple[str, Record]]:
    if kind == "REFRESH_TOKEN":
        return _refreshed(seen)
    if kind in MINTS:
        return _minted(MINTS[kind], seen)
    if kind == "LOGIN":
        # The password grant has no second event: its tokens are in this one.
        return _minted("password", seen) if "token_id" in seen else [("", {"type": "issue", "token_type": "session"})]
    if kind == "IMPERSONATE":
        impersonator = text(seen.get("impersonator"))
        actor = [impersonator] if impersonator else None
        return [("", {"type": "issue", "token_type": "session", "grant_type": "other", "actor": actor})]
    if kind in USES:
        return [("", {"type": "key-use", "outcome": "success", "operation": USES[kind], **_access(seen)})]
    return [("", end) for end in _ended(kind, seen)]


def _minted(grant: str | None, seen: Record) -> list[tuple[str, Record]]:
    """One issue for each token of a response."""
    shared = {"type": "issue", "grant_type": grant, "family_id": _family(seen)}
    access = [("#access", {**shared, **_access(seen), "exp": _expiry(seen)})]
    if "refresh_token_id" not in seen:
        return access
    refresh = {**_token("refresh", seen.get("refresh_token_id")), "scope": seen.get("scope")}
    return [*access, ("#refresh", {**shared, **refresh})]


def _refreshed(seen: Record) -> list[tuple[str, Record]]:
    old, new = seen.get("refresh_token_id"), seen.get("updated_refresh_token_id")
    family = {"family_id": _family(seen), "grant_type": "refresh_token"}
    refresh = {
        **family,
        "type": "refresh",
        **_token("refresh", new),
        "parent_id": old,
        "rotated": None if new is None else new != old,
    }
    if "token_id" not in seen:
        return [("#refresh", refresh)]
    access = {**family, "type": "issue", **_access(seen), "exp": _expiry(seen)}
    return [("#refresh", refresh), ("#access", access)]


def _ended(kind: str, seen: Record) -> list[Record]:
    """Read what ends tokens: a session, what was granted to a client, or all of an account."""
    if kind not in ENDS:
        return []
    details = _revoked(seen) if kind == "REVOKE_GRANT" else {}
    return [{**ENDS[kind], "reason_raw": kind, **details}]


def _revoked(seen: Record) -> Record:
    client = seen.get("revoked_client") or seen.get("clientId")
    if "refresh_token_id" in seen:
        token = _token("refresh", seen.get("refresh_token_id"))
        return {
            **token,
            "client_id": client,
            "revoke_scope": "family",
            "family_id": _family({**seen, "clientId": client}),
        }
    if "token_id" in seen:
        return {**_access(seen), "client_id": client, "revoke_scope": "token"}
    return {"client_id": client, "revoke_scope": "grant"}


def _failure(base: str, seen: Record) -> list[tuple[str, Record]]:
    error, why = text(seen.get("error")) or "", text(seen.get("reason")) or ""
    if base not in FAILING or (base == "LOGIN" and error in INTERRUPTS):
        return []
    failure: Record = {
        "type": "verify-failure",
        "reason": _reason(base, error, why, seen),
        "reason_raw": f"{error}: {why}" if why else error or None,
        "grant_type": FAILING[base],
    }
    if "refresh_token_id" in seen:
        failure |= {**_token("refresh", seen["refresh_token_id"]), "family_id": _family(seen)}
    elif "token_id" in seen:
        failure |= _access(seen)
    if text(seen.get("userId")) is None:
        # The signature of the refresh token was checked before Keycloak notes its subject.
        failure["sub"] = seen.get("refresh_token_sub")
        failure["login"] = seen.get("username")
    return [("", failure)]


def _reason(base: str, error: str, why: str, seen: Record) -> str:
    if error == "access_denied" and base in ("AUTHREQID_TO_TOKEN", "OAUTH2_DEVICE_CODE_TO_TOKEN"):
        return "mfa-denied"
    if error == "invalid_user_credentials":
        return CREDENTIAL_REASONS.get(text(seen.get("credential_type")) or "password", "mfa-failed")
    stated = why.casefold()
    found = next((reason for words, reason in REASONS if words in stated), None) if stated else None
    return found or ERRORS.get(error, "other")


def _admin(seen: Record, counters: Counter[str]) -> list[Record] | Skip:
    """Read what an administrator ends; the address and the user of the record are the administrator's."""
    operation, path = text(seen.get("operationType")) or "", text(seen.get("resourcePath")) or ""
    for wanted, pattern, scope in _ADMIN_ENDS if seen.get("error") is None else ():
        match = pattern.fullmatch(path) if operation == wanted else None
        if match:
            ended = {"revoke_scope": scope, **match.groupdict(), "reason_raw": f"{operation} {path}"}
            return [stated({**_admin_common(seen, counters), **ended})]
    code = f"keycloak:admin:{operation}:{text(seen.get('resourceType')) or ''}"
    return Skip(code if _CODE.fullmatch(code) else "keycloak:admin")


def _admin_common(seen: Record, counters: Counter[str]) -> Record:
    admin = text(seen.get("userId"))
    return {
        "event_id": _id(seen),
        "vendor_event_id": seen.get("id"),
        "time": seen.get("time"),
        "iss": seen.get("realmId"),
        "source": "keycloak",
        "type": "revoke",
        "reason": "admin",
        "actor": [admin] if admin else None,
        "ip": address(seen.get("ipAddress"), counters, "keycloak"),
    }


def _family(seen: Record) -> str | None:
    session, client = text(seen.get("sessionId")), text(seen.get("clientId"))
    return f"{session}/{client}" if session and client else None


def _access(seen: Record) -> Record:
    return _token("access", seen.get("token_id"))


def _token(kind: str, token: object) -> Record:
    return {"token_type": kind, "token_id": token, "token_id_kind": "jti" if token is not None else None}


def _expiry(seen: Record) -> float | None:
    """Add the seconds that Keycloak states for the access token to the time of the event."""
    seconds = seen.get("access_token_expiration_time")
    try:
        return parse_time(seen.get("time")) / 1e6 + int(str(seconds)[:10]) if seconds is not None else None
    except ValueError:
        return None


def _id(seen: Record) -> object:
    """A log record has no id of its own that an analyst could look up."""
    return seen.get("id", seen.get("made_id"))


def _part_id(seen: Record, suffix: str) -> object:
    name = _id(seen)
    return f"{name}{suffix}" if suffix and isinstance(name, str) else name
