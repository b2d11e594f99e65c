"""AWS CloudTrail: access keys and KMS keys seen as tokens and keys.

- An access key is a token: long-lived ones (AKIA…) have the type `api-key`, temporary ones (ASIA…) `session`.
- `iss` is the account that the credential lives in, so that AssumeRole in one account and use in another join.
- A call that AWS makes on somebody's behalf (`invokedBy`) carries a key nobody ever saw issued: no token id.
- An event shared between accounts has one id (`sharedEventID`) in all its copies.

Source: the CloudTrail record contents reference and the API references of STS, IAM, KMS and Secrets Manager.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final

from ingest.vendors.cloudtrail_codes import CODES
from ingest.vendors.codes import Code, Skip
from ingest.vendors.fields import Record, address, part, text

_DENIALS: Final = ("AccessDenied", "UnauthorizedOperation", "UnauthorizedAccess", "NotAuthorized")
_PEOPLE: Final = frozenset({"IAMUser", "Root", "FederatedUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser"})
_SIGN_IN_FAILURES: Final = {"No username found in supplied account": "unknown-subject"}
_HIDDEN_USER: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
_ACCOUNT_OF_ARN: Final = re.compile(r"arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:(\d{12}):")
_INSTANCE_SESSION: Final = re.compile(r"i-[0-9a-f]{8,17}")
_CODE: Final = re.compile(r"[A-Za-z0-9.:_-]{1,80}")
_EXPIRATIONS: Final = ("%b %d, %Y, %I:%M:%S %p", "%b %d, %Y %I:%M:%S %p")


class CloudTrail:
    """Reads CloudTrail records, one a JSON object."""

    title: ClassVar[str] = "AWS CloudTrail"
    codes: ClassVar[Mapping[str, Code]] = CODES

    def recognises(self, record: Record) -> bool:
        """Every record has these four; no other product has all of them."""
        return all(name in record for name in ("eventVersion", "eventSource", "eventName", "eventTime"))

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give the one event of a record, or skip what no credential was used for."""
        source = text(record.get("eventSource")) or ""
        service, name = source.partition(".")[0], text(record.get("eventName")) or ""
        event = _event(record, service, name)
        if event is None:
            code = f"{service}:{name}"
            return Skip(code if _CODE.fullmatch(code) else "cloudtrail:unnamed")
        stated = {**_common(record, counters), **event}
        return [{field: value for field, value in stated.items() if value is not None}]


def _event(record: Record, service: str, name: str) -> Record | None:
    """Give what is particular to a kind of call; None where it holds no token event."""
    error = (text(record.get("errorCode")) or "").removeprefix("Client.").removeprefix("Server.")
    if service == "signin":
        return _sign_in(record, name)
    if ":" not in error and error in CODES:
        return {**CODES[error].fields, "reason_raw": error}
    if not error:
        event = _life_of_access_key(record, service, name)
        if event is not None:
            return event
    return _key_use(record, service, name, error)


def _common(record: Record, counters: Counter[str]) -> Record:
    identity = part(record, "userIdentity")
    agent = text(record.get("userAgent"))
    shared = record.get("sharedEventID")
    return {
        "event_id": record.get("eventID") if shared is None else shared,
        "vendor_event_id": record.get("eventID"),
        "time": record.get("eventTime"),
        "iss": identity.get("accountId") or record.get("recipientAccountId"),
        "source": "aws-cloudtrail",
        "observer": record.get("eventSource"),
        **_subject(identity),
        **_access_key(identity),
        **_address(record, identity, counters),
        "user_agent": agent[1:-1] if agent and agent.startswith("[") and agent.endswith("]") else agent,
    }


def _subject(identity: Record) -> Record:
    kind, principal = text(identity.get("type")), text(identity.get("principalId"))
    issuer = part(part(identity, "sessionContext"), "sessionIssuer")
    session = (principal or "").partition(":")[2]
    if kind == "AWSService":
        return {"sub": identity.get("invokedBy"), "sub_type": "service"}
    if kind in _PEOPLE or (text(issuer.get("userName")) or "").startswith("AWSReservedSSO_"):
        sub_type = "user"
    else:
        sub_type = "service" if _INSTANCE_SESSION.fullmatch(session) else "unknown"
    name = text(identity.get("userName")) or text(issuer.get("userName"))
    username = f"{name}/{session}" if name and session else name
    return {"sub": principal, "sub_type": sub_type, "username": None if username == _HIDDEN_USER else username}


def _access_key(identity: Record) -> Record:
    key = text(identity.get("accessKeyId"))
    if not key or identity.get("invokedBy"):
        return {}
    return _token(key)


def _token(key: str | None) -> Record:
    kind = "session" if key and key.startswith("ASIA") else "api-key"
    return {"token_id": key, "token_id_kind": "vendor", "token_type": kind, "token_format": "opaque"} if key else {}


def _address(record: Record, identity: Record, counters: Counter[str]) -> Record:
    """Read the caller's address; a service's name stands there for calls from within AWS."""
    written = text(record.get("sourceIPAddress"))
    if written is not None and (written == "AWS Internal" or written.endswith(".amazonaws.com")):
        counters["cloudtrail:service-address"] += 1
        return {"ip_role": "server"}
    ip = address(written, counters, "cloudtrail")
    return {"ip": ip, "ip_role": "server" if identity.get("invokedBy") else "user"} if ip else {}


def _sign_in(record: Record, name: str) -> Record | None:
    result = part(record, "responseElements").get(name)
    if name == "CheckMfa":
        return {"type": "verify-failure", "reason": "mfa-failed"} if result == "Failure" else None
    if name != "ConsoleLogin":
        return None
    if result == "Success":
        with_mfa = part(record, "additionalEventData").get("MFAUsed") == "Yes"
        return {"type": "issue", "token_type": "session", "amr": ["mfa"] if with_mfa else None}
    message = text(record.get("errorMessage"))
    return {
        "type": "verify-failure",
        "reason": _SIGN_IN_FAILURES.get(message or "", "bad-credentials"),
        "reason_raw": message,
    }


def _life_of_access_key(record: Record, service: str, name: str) -> Record | None:
    """Read what makes and unmakes access keys."""
    asked, given = part(record, "requestParameters"), part(record, "responseElements")
    if service == "sts" and f"sts:{name}" in CODES:
        return _temporary_key(record, part(given, "credentials"), asked, given)
    if service == "iam" and name == "CreateAccessKey":
        key = part(given, "accessKey")
        return {"type": "issue", **_token(text(key.get("accessKeyId"))), **_done_to(record, key.get("userName"))}
    inactive = name == "UpdateAccessKey" and asked.get("status") == "Inactive"
    if service == "iam" and (name == "DeleteAccessKey" or inactive):
        return {
            "type": "revoke",
            **_token(text(asked.get("accessKeyId"))),
            "reason": "admin",
            "reason_raw": name,
            "revoke_scope": "token",
            **_done_to(record, asked.get("userName")),
        }
    return None


def _temporary_key(record: Record, credentials: Record, asked: Record, given: Record) -> Record:
    role = part(given, "assumedRoleUser") or part(given, "federatedUser")
    arn = text(role.get("arn")) or text(asked.get("roleArn")) or ""
    account = _ACCOUNT_OF_ARN.match(arn)
    subject = role.get("assumedRoleId") or role.get("federatedUserId")
    identity = part(record, "userIdentity")
    return {
        "type": "issue",
        **_token(text(credentials.get("accessKeyId"))),
        **({"iss": account[1]} if account else {}),
        # Without the role's own id (AWS services leave it out) the holder is not the caller, but unknown.
        **({"sub": subject, "sub_type": "unknown", "username": arn.rpartition(":")[2] or None} if arn else {}),
        "exp": _expiration(credentials.get("expiration")),
        "grant_type": "token-exchange",
        "subject_token_id": _access_key(identity).get("token_id"),
        "actor": _caller(record),
    }


def _done_to(record: Record, owner: object) -> Record:
    """Name the user whom a call is about, known by name alone; the caller is only who acted."""
    return {"sub": None, "sub_type": "user", "username": text(owner), "actor": _caller(record)}


def _caller(record: Record) -> list[str] | None:
    identity = part(record, "userIdentity")
    caller = text(identity.get("arn")) or text(identity.get("invokedBy"))
    return [caller] if caller else None


def _expiration(value: object) -> object:
    """Read "Jul 10, 2023, 6:30:22 PM", which is UTC; other forms are left to the contract."""
    for form in _EXPIRATIONS if isinstance(value, str) else ():
        try:
            return datetime.strptime(str(value), form).replace(tzinfo=UTC).isoformat()
        except ValueError:
            continue
    return value


def _key_use(record: Record, service: str, name: str, error: str) -> Record | None:
    """Read a call as use of a KMS key, of a secret, or of the access key that signed it."""
    identity = part(record, "userIdentity")
    use: Record = {
        "type": "key-use",
        "outcome": _outcome(error),
        "reason_raw": error or None,
        "resource_server": record.get("eventSource"),
        "required_scope": [f"{service}:{name}"],
    }
    listed = CODES.get(f"{service}:{name}")
    operation = listed.fields.get("operation") if listed else None
    if listed is None or operation is None:
        return {**use, "operation": "authenticate"} if _access_key(identity) else None
    use["operation"] = operation
    if service == "kms":
        use["key_id"] = _kms_key(record)
    if listed.fields["type"] == "revoke" and not error:
        use |= {**listed.fields, "actor": _caller(record)}
        # The caller's own key is not what is revoked.
        use |= dict.fromkeys(("token_id", "token_id_kind", "token_type", "token_format"))
    return use


def _outcome(error: str) -> str:
    if not error:
        return "success"
    return "denied" if error.startswith(_DENIALS) else "error"


def _kms_key(record: Record) -> str | None:
    resources = record.get("resources")
    for resource in resources if isinstance(resources, list) else ():
        if isinstance(resource, dict) and resource.get("type") == "AWS::KMS::Key":
            return text(resource.get("ARN"))
    return text(part(record, "requestParameters").get("keyId"))
