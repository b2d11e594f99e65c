"""HashiCorp Vault's audit log: its tokens, leases, secrets and transit keys.

- Vault writes down each request twice. The response is read, or a request with an `error`: both have one `event_id`.
- Ids are what Vault wrote: keyed hashes of the token (`token_id`) and of its accessor (`session_id`), which join within
  one audit device. A token in the clear (`log_raw`) is never kept.
- An error to a known caller is a use of its token that was denied or failed; an error to a login or to a token that is
  none is a failed verification.

Source: the audit entry structures of Vault 1.21. Paths and error texts are as commonly known, not each looked
up: one that is missing counts as unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Final

from ingest.vendors.codes import Code, Skip
from ingest.vendors.fields import Record, address, part, stated, text
from ingest.vendors.vault_paths import (
    CODES,
    ERRORS,
    INVALID_TOKENS,
    ISSUERS,
    KEY_BEFORE_LAST,
    KEY_ENDS,
    LEASE_ENDS,
    LOGIN_GRANTS,
    SECRET_ENGINES,
    TOKEN_PATHS,
    TRANSIT,
    TRANSIT_KEY_CALLS,
    TRANSIT_KEYS,
)
from schemas.fields import micros, parse_time

_HASHED: Final = re.compile(r"hmac-sha256:|h\d+:")
"""How Vault writes a hash of its own, and the decoder one that it put in the place of a token."""
_SECOND: Final = micros(timedelta(seconds=1))
_MAX_TTL: Final = 10**9
_ROOT: Final = "root"


class Vault:
    """Reads Vault's audit entries, one a JSON object."""

    title: ClassVar[str] = "HashiCorp Vault audit log"
    codes: ClassVar[Mapping[str, Code]] = CODES

    def recognises(self, record: Record) -> bool:
        """An entry is a request or a response, and says which path was asked for."""
        request = record.get("request")
        return record.get("type") in ("request", "response") and isinstance(request, dict) and "path" in request

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give the one event of a response, or of a request that failed."""
        request = part(record, "request")
        error = _error(record)
        if record.get("type") == "request" and not error:
            return Skip("vault:request")
        path = text(request.get("path")) or ""
        event = _failed(record, path, error) if error else _succeeded(record, path)
        if event is None:
            return Skip("vault:no-caller")
        return [stated({**_common(record, counters), **event})]


def _error(record: Record) -> str:
    """Give the error; that of some logins stands, hashed, among the data of the response."""
    error = record.get("error")
    if error:
        return str(error)
    return "error in the response" if "error" in part(part(record, "response"), "data") else ""


def _common(record: Record, counters: Counter[str]) -> Record:
    request, auth = part(record, "request"), part(record, "auth")
    namespace = (text(part(request, "namespace").get("path")) or "").rstrip("/")
    agents = part(request, "headers").get("user-agent")
    token = text(auth.get("client_token"))
    counters["vault:raw-token"] += token is not None and not _hashed(token)
    return {
        "event_id": request.get("id"),
        "vendor_event_id": request.get("id"),
        "time": record.get("time"),
        "iss": namespace or _ROOT,
        "source": "vault",
        "observer": record.get("forwarded_from"),
        **_holder(auth),
        "ip": address(request.get("remote_address"), counters, "vault"),
        "user_agent": agents[0] if isinstance(agents, list) and agents else None,
    }


def _holder(auth: Record) -> Record:
    """Name the holder of a token, and the token."""
    name = text(auth.get("display_name"))
    return {
        "sub": text(auth.get("entity_id")) or name,
        "sub_type": LOGIN_GRANTS.get((name or "").partition("-")[0], ("", "unknown"))[1],
        "username": name,
        **_token(auth.get("client_token")),
        "session_id": _hashed(auth.get("accessor")),
    }


def _token(token: object) -> Record:
    name = _hashed(token)
    if name is None:
        return {}
    return {"token_id": name, "token_id_kind": "vendor", "token_type": "access", "token_format": "opaque"}


def _hashed(name: object) -> str | None:
    """Give an id that is a hash; one in the clear is left out."""
    written = text(name)
    return written if written is not None and _HASHED.match(written) else None


def _succeeded(record: Record, path: str) -> Record | None:
    request, response = part(record, "request"), part(record, "response")
    kind, _, rest = path.removeprefix("auth/token/").partition("/") if path.startswith("auth/token/") else ("", "", "")
    event = TOKEN_PATHS.get(kind)
    if event == "refresh":
        return _renewed(record)
    if event == "revoke":
        return _revoked(request, kind, rest)
    if event == "issue":
        return {**_issued(record), "grant_type": "token-exchange", **_parent(record)}
    if path.startswith("auth/") and text(part(response, "auth").get("client_token")):
        return {**_issued(record), **_login(request)}
    if (lease := _ended_lease(request, path)) is not None:
        end: Record = {"type": "revoke", "revoke_scope": "grant", "grant_id": lease, "reason": "admin"}
        return {**_done_to_another(request), **end, "reason_raw": path}
    return _used(record, path)


def _used(record: Record, path: str) -> Record | None:
    use = _use(record, path)
    if use and use["operation"] in KEY_ENDS and not path.endswith("/trim"):
        ended = {"type": "revoke", "revoke_scope": "key", "reason": "admin"}
        return {**_done_to_key(part(record, "request")), **use, **ended}
    return use and {**use, "outcome": "success"}


def _issued(record: Record) -> Record:
    auth = part(part(record, "response"), "auth")
    return {
        "type": "issue",
        **_holder(auth),
        "scope": auth.get("policies"),
        "requested_scope": part(part(record, "request"), "data").get("policies"),
        "iat": auth.get("token_issue_time"),
        "exp": _expiry(record, auth),
    }


def _parent(record: Record) -> Record:
    auth = part(record, "auth")
    creator = text(auth.get("entity_id")) or text(auth.get("display_name"))
    return {"subject_token_id": _hashed(auth.get("client_token")), "actor": [creator] if creator else None}


def _login(request: Record) -> Record:
    grant, who = LOGIN_GRANTS.get(text(request.get("mount_type")) or "", ("other", "unknown"))
    return {"grant_type": grant, "sub_type": who, **_role(request)}


def _role(request: Record) -> Record:
    """An AppRole is a client: its role id and secret id are what it has instead of a name and a password."""
    return {"client_id": part(request, "data").get("role_id")} if request.get("mount_type") == "approle" else {}


def _expiry(record: Record, auth: Record) -> float | None:
    ttl = auth.get("token_ttl")
    if not isinstance(ttl, int) or not 0 < ttl < _MAX_TTL:
        return None
    try:
        return parse_time(record.get("time")) / _SECOND + ttl
    except ValueError:
        return None


def _renewed(record: Record) -> Record:
    """Renewing keeps the token; what is renewed is in the answer, who asks may be another."""
    auth = part(part(record, "response"), "auth")
    token = _holder(auth)
    return {
        "type": "refresh",
        **token,
        "parent_id": token.get("token_id"),
        "rotated": False,
        "exp": _expiry(record, auth),
        "scope": auth.get("policies"),
    }


def _revoked(request: Record, kind: str, rest: str) -> Record:
    """End a token by itself, by its id or by its accessor; its children go with it, but not those of an orphan."""
    if kind == "revoke-self":
        return {"type": "revoke", "revoke_scope": "token", "reason": "logout", "reason_raw": kind}
    data = part(request, "data")
    end: Record = {"type": "revoke", "reason": "admin", "reason_raw": kind, **_done_to_another(request)}
    if kind == "revoke-accessor":
        return {**end, "revoke_scope": "session", "session_id": _hashed(data.get("accessor") or rest)}
    return {**end, "revoke_scope": "token", **_token(data.get("token") or rest)}


def _done_to_another(request: Record) -> Record:
    """Whose token it was is not written down; the caller is only who acted."""
    return {"sub": None, "username": None, "sub_type": None, **_done_to_key(request)}


def _done_to_key(request: Record) -> Record:
    """The caller's own token is not what ends."""
    caller = text(request.get("client_token_accessor"))
    own = ("token_id", "token_id_kind", "token_type", "token_format", "session_id")
    return {**dict.fromkeys(own), "actor": [caller] if caller else None}


def _ended_lease(request: Record, path: str) -> str | None:
    for start in LEASE_ENDS:
        if path == start or path.startswith(f"{start}/"):
            return path[len(start) + 1 :] or text(part(request, "data").get("lease_id"))
    return None


def _use(record: Record, path: str) -> Record | None:
    """Read a call as use of a key, of a secret, or of the token that it was made with."""
    request, response = part(record, "request"), part(record, "response")
    mount = text(request.get("mount_point")) or f"{path.partition('/')[0]}/"
    engine = text(request.get("mount_type")) or mount.rstrip("/")
    inside = path.removeprefix(mount)
    use: Record = {"type": "key-use", "resource_server": mount, "required_scope": [path]}
    if engine == "transit" and (key := _transit(inside, text(request.get("operation")) or "")):
        operation, name = key
        version = part(response, "data").get("key_version")
        key_use = {**use, "operation": operation, "key_id": f"{mount}{name}"}
        return {**key_use, "key_version": str(version) if isinstance(version, int) else None}
    if inside.partition("/")[0] in ISSUERS.get(engine, ()):
        return {**use, "operation": "sign", "key_id": mount}
    lease = text(part(response, "secret").get("lease_id"))
    if lease or (engine in SECRET_ENGINES and request.get("operation") == "read"):
        return {**use, "operation": "read-secret", "grant_id": lease}
    caller = part(record, "auth")
    return {**use, "operation": "authenticate"} if caller.get("accessor") or caller.get("client_token") else None


def _transit(inside: str, call: str) -> tuple[str, str] | None:
    """Give operation and name of the key of a path below a transit engine."""
    action, *names = inside.rstrip("/").split("/")
    if action == "keys" and names:
        operation = TRANSIT_KEYS.get(names[1]) if len(names) > 1 else TRANSIT_KEY_CALLS.get(call)
        return (operation, names[0]) if operation else None
    if action not in TRANSIT:
        return None
    at = 1 if action in KEY_BEFORE_LAST else 0
    return TRANSIT[action], names[at] if len(names) > at else action


def _failed(record: Record, path: str, error: str) -> Record | None:
    request, stated_error = part(record, "request"), error.casefold()
    login = path.startswith("auth/") and ("/login" in path or path.endswith("/callback"))
    known = bool(part(record, "auth").get("accessor") or part(record, "auth").get("client_token"))
    refused = any(words in stated_error for words in INVALID_TOKENS) or not known
    if not login and not refused:
        use = _use(record, path)
        denied = "permission denied" in stated_error
        return use and {**use, "outcome": "denied" if denied else "error", "reason_raw": _shown(error)}
    reason = next((reason for words, reason in ERRORS if words in stated_error), "other")
    failure: Record = {"type": "verify-failure", "reason": reason, "reason_raw": _shown(error)}
    if not login:
        token = _token(request.get("client_token"))
        return {**failure, **token, "session_id": _hashed(request.get("client_token_accessor"))}
    if error.startswith("error in the response") or reason == "other":
        failure["reason"] = "bad-credentials" if _by_secret(request) else "other"
    return {**failure, **_login(request), "login": path.rpartition("/login/")[2] if "/login/" in path else None}


def _by_secret(request: Record) -> bool:
    return LOGIN_GRANTS.get(text(request.get("mount_type")) or "", ("", ""))[0] in ("password", "client_credentials")


def _shown(error: str) -> str:
    """Write Vault's list of errors on one line."""
    lines = [line.strip(" \t*") for line in error.splitlines()]
    return "; ".join(line for line in lines if line and "occurred:" not in line)
