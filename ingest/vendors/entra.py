"""Microsoft Entra ID: sign-ins of users, of services and of managed identities, as Azure Monitor or Graph gives them.

- A token is known by its `uti` claim, `uniqueTokenIdentifier`. Refresh tokens have no id in the log: a non-interactive
  sign-in with one is a `refresh` without ids and the issue of the access token, its family is the session.
- The time of a sign-in is `createdDateTime`; the `time` around it is when the record was written.
- Interrupts (a second factor or a consent is asked for) are no failures.

Source: the sign-in log schema, the signIn resource of Microsoft Graph, and the reference of error codes up to 90027;
later and six-digit codes were not looked up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.vendors.codes import Code, Skip
from ingest.vendors.entra_codes import CODES, INTERRUPTS, REASONS
from ingest.vendors.fields import Record, address, part, stated, text

_CATEGORIES: Final = (
    "SignInLogs",
    "NonInteractiveUserSignInLogs",
    "ServicePrincipalSignInLogs",
    "ManagedIdentitySignInLogs",
)
_SERVICE_EVENTS: Final = frozenset({"servicePrincipal", "managedIdentity"})
_REFRESHING: Final = ("refreshToken", "primaryRefreshToken")
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_GRANTS: Final = {"deviceCode": "device_code", "ropc": "password"}
_INCOMING_GRANTS: Final = {"saml11": "saml2-bearer", "saml20": "saml2-bearer"}
_LONGEST_NUMBER: Final = 10
_DENIED: Final = ("user declined", "denied; fraud", "user did not approve")


class Entra:
    """Reads sign-ins, one a record: a `signIn` of Graph, or one inside the `properties` of Azure Monitor."""

    title: ClassVar[str] = "Microsoft Entra ID sign-ins"
    codes: ClassVar[Mapping[str, Code]] = CODES

    def recognises(self, record: Record) -> bool:
        """Azure Monitor names a category of its own; a sign-in has these three."""
        if "properties" in record:
            return record.get("category") in _CATEGORIES
        return "createdDateTime" in record and "appId" in record and isinstance(record.get("status"), dict)

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give one event of a sign-in, and two of a refresh."""
        seen = part(record, "properties") if "properties" in record else record
        category = text(record.get("category")) or _kind_of(seen)
        code = _number(part(seen, "status").get("errorCode", record.get("resultType")))
        if code is None:
            return Skip("entra:no-result")
        if code in INTERRUPTS:
            return Skip(f"entra:{code}")
        common = _common(record, seen, category, counters)
        events = _issued(seen, category) if code == 0 else [("", _failure(seen, code, counters))]
        name = seen.get("id")
        return [stated({**common, **event, "event_id": _named(name, suffix)}) for suffix, event in events]


def _named(name: object, suffix: str) -> object:
    return f"{name}{suffix}" if suffix and isinstance(name, str) else name


def _kind_of(seen: Record) -> str:
    kinds = seen.get("signInEventTypes")
    kinds = [kind for kind in kinds if isinstance(kind, str)] if isinstance(kinds, list) else []
    if _SERVICE_EVENTS.intersection(kinds):
        return "ServicePrincipalSignInLogs"
    return "NonInteractiveUserSignInLogs" if "nonInteractiveUser" in kinds else "SignInLogs"


def _is_service(category: str) -> bool:
    return category in ("ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs")


def _common(record: Record, seen: Record, category: str, counters: Counter[str]) -> Record:
    tenant = text(record.get("tenantId")) or text(seen.get("resourceTenantId")) or text(seen.get("homeTenantId"))
    return {
        "vendor_event_id": seen.get("id"),
        "txn_id": seen.get("id"),
        "time": seen.get("createdDateTime"),
        "iss": tenant,
        "source": "entra",
        "observer": category,
        **(_service(seen) if _is_service(category) else _user(seen)),
        "client_id": text(seen.get("appId")),
        "aud": text(seen.get("resourceId")),
        "resource_server": text(seen.get("resourceDisplayName")),
        "session_id": text(seen.get("sessionId")),
        "device_id": text(part(seen, "deviceDetail").get("deviceId")),
        "ip": address(seen.get("ipAddress"), counters, "entra"),
        "ip_role": "server" if _is_service(category) else None,
        "asn": _number(seen.get("autonomousSystemNumber")) or None,
        "user_agent": text(seen.get("userAgent")),
        **_place(part(seen, "location")),
    }


def _user(seen: Record) -> Record:
    user, name = text(seen.get("userId")), text(seen.get("userPrincipalName"))
    if user is None or user == _NOBODY:
        return {"sub_type": "user", "login": name}
    return {"sub": user, "sub_type": "user", "username": name}


def _service(seen: Record) -> Record:
    return {
        "sub": text(seen.get("servicePrincipalId")),
        "sub_type": "service",
        "username": text(seen.get("servicePrincipalName")),
    }


def _place(location: Record) -> Record:
    country, point = text(location.get("countryOrRegion")) or "", part(location, "geoCoordinates")
    lat, lon = point.get("latitude"), point.get("longitude")
    known = isinstance(lat, int | float) and isinstance(lon, int | float)
    return {
        "country": country.upper() if len(country) == 2 and country.isascii() and country.isalpha() else None,  # noqa: PLR2004 - ISO 3166-1 alpha-2
        "city": text(location.get("city")),
        "lat": lat if known else None,
        "lon": lon if known else None,
    }


def _issued(seen: Record, category: str) -> list[tuple[str, Record]]:
    token = text(seen.get("uniqueTokenIdentifier"))
    access: Record = {"type": "issue", "token_type": "access", "token_id": token}
    access["token_id_kind"] = "vendor" if token else None
    if seen.get("authenticationRequirement") == "multiFactorAuthentication":
        access["amr"] = ["mfa"]
    if _is_service(category):
        return [("", {**access, "grant_type": "client_credentials"})]
    incoming = text(seen.get("incomingTokenType")) or "none"
    if category == "NonInteractiveUserSignInLogs":
        if incoming not in _REFRESHING:
            return [("", {**access, "grant_type": _INCOMING_GRANTS.get(incoming)})]
        family = {"family_id": text(seen.get("sessionId")), "grant_type": "refresh_token"}
        return [("#refresh", {**family, "type": "refresh", "token_type": "refresh"}), ("#access", {**access, **family})]
    protocol = text(seen.get("authenticationProtocol")) or ""
    return [("", {**access, "grant_type": _GRANTS.get(protocol, "authorization_code")})]


def _failure(seen: Record, code: int, counters: Counter[str]) -> Record:
    status = part(seen, "status")
    why, details = text(status.get("failureReason")), text(status.get("additionalDetails"))
    reason = REASONS.get(code)
    if reason is None:
        counters[f"unknown-code:entra:{code}"] += 1
    if reason == "mfa-failed" and any(words in (details or "").casefold() for words in _DENIED):
        reason = "mfa-denied"
    return {
        "type": "verify-failure",
        "reason": reason or "other",
        "reason_raw": ": ".join(str(words) for words in (code, why, details) if words),
        "grant_type": "refresh_token" if seen.get("incomingTokenType") in _REFRESHING else None,
    }


def _number(value: object) -> int | None:
    """Read an integer, which Azure Monitor writes as text here and there."""
    if isinstance(value, str) and value.isdecimal() and len(value) < _LONGEST_NUMBER:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None
