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
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from ingest.vendors.adapter import Adapter, Skip
from schemas.fields import normal_ip

Record: TypeAlias = dict[str, Any]

_STS_ISSUES: Final = frozenset(
    {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot", "GetFederationToken"}
    | {"GetSessionToken"}
)
_KMS_OPERATIONS: Final = {
    "Sign": "sign",
    "GenerateMac": "sign",
    "Verify": "verify",
    "VerifyMac": "verify",
    "Encrypt": "encrypt",
    "ReEncrypt": "encrypt",
    "Decrypt": "decrypt",
    "GenerateDataKey": "wrap",
    "GenerateDataKeyWithoutPlaintext": "wrap",
    "GenerateDataKeyPair": "wrap",
    "GenerateDataKeyPairWithoutPlaintext": "wrap",
    "GetPublicKey": "get-public-key",
    "CreateKey": "create",
    "EnableKey": "enable",
    "CancelKeyDeletion": "enable",
    "DisableKey": "disable",
    "ScheduleKeyDeletion": "schedule-delete",
    "DeleteImportedKeyMaterial": "destroy",
    "ImportKeyMaterial": "import",
    "RotateKeyOnDemand": "rotate",
    "PutKeyPolicy": "policy-change",
    "CreateGrant": "policy-change",
}
_KMS_REVOCATIONS: Final = frozenset({"DisableKey", "ScheduleKeyDeletion"})
_SECRET_READS: Final = frozenset({"GetSecretValue", "BatchGetSecretValue"})
_FAILURES: Final = {
    "ExpiredToken": "expired",
    "ExpiredTokenException": "expired",
    "RequestExpired": "expired",
    "TokenRefreshRequired": "expired",
    "RequestTimeTooSkewed": "not-yet-valid",
    "InvalidClientTokenId": "inactive",
    "InvalidAccessKeyId": "inactive",
    "UnrecognizedClientException": "inactive",
    "InvalidToken": "malformed",
    "InvalidIdentityToken": "malformed",
    "MissingAuthenticationToken": "malformed",
    "MissingAuthenticationTokenException": "malformed",
    "IncompleteSignature": "malformed",
    "SignatureDoesNotMatch": "bad-signature",
    "InvalidSignatureException": "bad-signature",
    "AuthFailure": "bad-credentials",
    "IDPRejectedClaim": "other",
}
"""Error codes that mean the credential itself was refused; every other Invalid* is about a parameter."""

_DENIALS: Final = ("AccessDenied", "UnauthorizedOperation", "UnauthorizedAccess", "NotAuthorized")
_PEOPLE: Final = frozenset({"IAMUser", "Root", "FederatedUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser"})
_SIGN_IN_FAILURES: Final = {"No username found in supplied account": "unknown-subject"}
_HIDDEN_USER: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
_ACCOUNT_OF_ARN: Final = re.compile(r"arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:(\d{12}):")
_INSTANCE_SESSION: Final = re.compile(r"i-[0-9a-f]{8,17}")
_CODE: Final = re.compile(r"[A-Za-z0-9.:_-]{1,80}")
_EXPIRATIONS: Final = ("%b %d, %Y, %I:%M:%S %p", "%b %d, %Y %I:%M:%S %p")


class CloudTrail(Adapter):
    """Reads CloudTrail records, one a JSON object."""

    def recognises(self, record: Record) -> bool:
        """Every record has these four; no other product has all of them."""
        return all(name in record for name in ("eventVersion", "eventSource", "eventName", "eventTime"))

    def normalise(self, record: Record, counters: Counter[str]) -> list[Record] | Skip:
        """Give the one event of a record, or skip what no credential was used for."""
        source = _text(record.get("eventSource")) or ""
        service, name = source.partition(".")[0], _text(record.get("eventName")) or ""
        event = _event(record, service, name)
        if event is None:
            code = f"{service}:{name}"
            return Skip(code if _CODE.fullmatch(code) else "cloudtrail:unnamed")
        stated = {**_common(record, counters), **event}
        return [{field: value for field, value in stated.items() if value is not None}]


def _event(record: Record, service: str, name: str) -> Record | None:
    """Give what is particular to a kind of call; None where it holds no token event."""
    error = (_text(record.get("errorCode")) or "").removeprefix("Client.").removeprefix("Server.")
    if service == "signin":
        return _sign_in(record, name)
    if error in _FAILURES:
        return {"type": "verify-failure", "reason": _FAILURES[error], "reason_raw": error}
    if not error:
        event = _life_of_access_key(record, service, name)
        if event is not None:
            return event
    return _key_use(record, service, name, error)


def _common(record: Record, counters: Counter[str]) -> Record:
    identity = _part(record, "userIdentity")
    agent = _text(record.get("userAgent"))
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
    kind, principal = _text(identity.get("type")), _text(identity.get("principalId"))
    issuer = _part(_part(identity, "sessionContext"), "sessionIssuer")
    session = (principal or "").partition(":")[2]
    if kind == "AWSService":
        return {"sub": identity.get("invokedBy"), "sub_type": "service"}
    if kind in _PEOPLE or (_text(issuer.get("userName")) or "").startswith("AWSReservedSSO_"):
        sub_type = "user"
    else:
        sub_type = "service" if _INSTANCE_SESSION.fullmatch(session) else "unknown"
    name = _text(identity.get("userName")) or _text(issuer.get("userName"))
    username = f"{name}/{session}" if name and session else name
    return {"sub": principal, "sub_type": sub_type, "username": None if username == _HIDDEN_USER else username}


def _access_key(identity: Record) -> Record:
    key = _text(identity.get("accessKeyId"))
    if not key or identity.get("invokedBy"):
        return {}
    return _token(key)


def _token(key: str | None) -> Record:
    kind = "session" if key and key.startswith("ASIA") else "api-key"
    return {"token_id": key, "token_id_kind": "vendor", "token_type": kind, "token_format": "opaque"} if key else {}


def _address(record: Record, identity: Record, counters: Counter[str]) -> Record:
    """Read the caller's address; a service's name stands there for calls from within AWS."""
    address = _text(record.get("sourceIPAddress"))
    if address is None:
        return {}
    if address == "AWS Internal" or address.endswith(".amazonaws.com"):
        counters["cloudtrail:service-address"] += 1
        return {"ip_role": "server"}
    try:
        address = normal_ip(address)
    except ValueError:
        counters["cloudtrail:invalid-ip"] += 1
        return {}
    return {"ip": address, "ip_role": "server" if identity.get("invokedBy") else "user"}


def _sign_in(record: Record, name: str) -> Record | None:
    result = _part(record, "responseElements").get(name)
    if name == "CheckMfa":
        return {"type": "verify-failure", "reason": "mfa-failed"} if result == "Failure" else None
    if name != "ConsoleLogin":
        return None
    if result == "Success":
        with_mfa = _part(record, "additionalEventData").get("MFAUsed") == "Yes"
        return {"type": "issue", "token_type": "session", "amr": ["mfa"] if with_mfa else None}
    message = _text(record.get("errorMessage"))
    return {
        "type": "verify-failure",
        "reason": _SIGN_IN_FAILURES.get(message or "", "bad-credentials"),
        "reason_raw": message,
    }


def _life_of_access_key(record: Record, service: str, name: str) -> Record | None:
    """Read what makes and unmakes access keys."""
    asked, given = _part(record, "requestParameters"), _part(record, "responseElements")
    if service == "sts" and name in _STS_ISSUES:
        return _temporary_key(record, _part(given, "credentials"), asked, given)
    if service == "iam" and name == "CreateAccessKey":
        key = _part(given, "accessKey")
        return {"type": "issue", **_token(_text(key.get("accessKeyId"))), **_done_to(record, key.get("userName"))}
    inactive = name == "UpdateAccessKey" and asked.get("status") == "Inactive"
    if service == "iam" and (name == "DeleteAccessKey" or inactive):
        return {
            "type": "revoke",
            **_token(_text(asked.get("accessKeyId"))),
            "reason": "admin",
            "reason_raw": name,
            "revoke_scope": "token",
            **_done_to(record, asked.get("userName")),
        }
    return None


def _temporary_key(record: Record, credentials: Record, asked: Record, given: Record) -> Record:
    role = _part(given, "assumedRoleUser") or _part(given, "federatedUser")
    arn = _text(role.get("arn")) or _text(asked.get("roleArn")) or ""
    account = _ACCOUNT_OF_ARN.match(arn)
    subject = role.get("assumedRoleId") or role.get("federatedUserId")
    identity = _part(record, "userIdentity")
    return {
        "type": "issue",
        **_token(_text(credentials.get("accessKeyId"))),
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
    return {"sub": None, "sub_type": "user", "username": _text(owner), "actor": _caller(record)}


def _caller(record: Record) -> list[str] | None:
    identity = _part(record, "userIdentity")
    caller = _text(identity.get("arn")) or _text(identity.get("invokedBy"))
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
    identity = _part(record, "userIdentity")
    use: Record = {
        "type": "key-use",
        "outcome": _outcome(error),
        "reason_raw": error or None,
        "resource_server": record.get("eventSource"),
        "required_scope": [f"{service}:{name}"],
    }
    if service == "kms" and name in _KMS_OPERATIONS:
        use |= {"operation": _KMS_OPERATIONS[name], "key_id": _kms_key(record)}
        if name in _KMS_REVOCATIONS and not error:
            use |= {"type": "revoke", "revoke_scope": "key", "reason": "admin", "actor": _caller(record)}
            # The caller's own key is not what is revoked.
            use |= dict.fromkeys(("token_id", "token_id_kind", "token_type", "token_format"))
        return use
    if service == "secretsmanager" and name in _SECRET_READS:
        return {**use, "operation": "read-secret"}
    return {**use, "operation": "authenticate"} if _access_key(identity) else None


def _outcome(error: str) -> str:
    if not error:
        return "success"
    return "denied" if error.startswith(_DENIALS) else "error"


def _kms_key(record: Record) -> str | None:
    resources = record.get("resources")
    for resource in resources if isinstance(resources, list) else ():
        if isinstance(resource, dict) and resource.get("type") == "AWS::KMS::Key":
            return _text(resource.get("ARN"))
    return _text(_part(record, "requestParameters").get("keyId"))


def _part(record: Record, name: str) -> Record:
    part = record.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
