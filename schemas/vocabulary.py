"""Closed vocabularies of a token event.

Names are the registered ones where a registry exists (RFC 6749 grant types, RFC 7515 header parameters).
In the frame a value travels as its position in the enum (int8); null is -1.
"""

from __future__ import annotations

# ruff: noqa: S105 - words such as "token" are vocabulary here, not secrets
from enum import IntEnum, StrEnum


class EventType(StrEnum):
    """What happened to the token. `revoke` is what makes use-after-revoke visible."""

    ISSUE = "issue"
    REFRESH = "refresh"
    VERIFY_FAILURE = "verify-failure"
    KEY_USE = "key-use"
    REVOKE = "revoke"


class SubjectType(StrEnum):
    """Kind of principal behind `sub`."""

    USER = "user"
    SERVICE = "service"
    UNKNOWN = "unknown"


class ClientType(StrEnum):
    """OAuth client type, RFC 6749 section 2.1."""

    PUBLIC = "public"
    CONFIDENTIAL = "confidential"
    OTHER = "other"


class TokenIdKind(StrEnum):
    """Where `token_id` comes from; ids are compared within one kind only."""

    JTI = "jti"
    HASH = "hash"
    VENDOR = "vendor"
    OTHER = "other"


class TokenType(StrEnum):
    """Role of the token."""

    ACCESS = "access"
    REFRESH = "refresh"
    ID = "id"
    API_KEY = "api-key"
    SESSION = "session"
    OTHER = "other"


class GrantType(StrEnum):
    """OAuth grant by its short name; the URN forms of RFC 7523, 8628 and 8693 map onto these."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"
    PASSWORD = "password"
    IMPLICIT = "implicit"
    DEVICE_CODE = "device_code"
    TOKEN_EXCHANGE = "token-exchange"
    JWT_BEARER = "jwt-bearer"
    SAML2_BEARER = "saml2-bearer"
    CIBA = "ciba"
    OTHER = "other"


class KeyUse(StrEnum):
    """JWK `use`, RFC 7517 section 4.2."""

    SIGNATURE = "sig"
    ENCRYPTION = "enc"
    OTHER = "other"


class TokenFormat(StrEnum):
    """JOSE serialisation of the token; `nested` is a JWS inside a JWE."""

    JWS = "jws"
    JWE = "jwe"
    NESTED = "nested"
    OPAQUE = "opaque"
    OTHER = "other"


class HeaderParam(StrEnum):
    """JOSE header parameters that let a token bring its own key, RFC 7515 section 4.1."""

    JKU = "jku"
    X5U = "x5u"
    JWK = "jwk"
    X5C = "x5c"
    OTHER = "other"


class Operation(StrEnum):
    """What a key or token was used for, or what happened to the key itself."""

    SIGN = "sign"
    VERIFY = "verify"
    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    WRAP = "wrap"
    UNWRAP = "unwrap"
    GET_PUBLIC_KEY = "get-public-key"
    AUTHENTICATE = "authenticate"
    CREATE = "create"
    ROTATE = "rotate"
    ENABLE = "enable"
    DISABLE = "disable"
    SCHEDULE_DELETE = "schedule-delete"
    DESTROY = "destroy"
    IMPORT = "import"
    EXPORT = "export"
    POLICY_CHANGE = "policy-change"
    READ_SECRET = "read-secret"
    OTHER = "other"


class Outcome(StrEnum):
    """Result of a key-use; an authorisation denial is `denied`, not a failed authentication."""

    SUCCESS = "success"
    DENIED = "denied"
    ERROR = "error"
    OTHER = "other"


class IpRole(StrEnum):
    """Whose address `ip` is: the user's, or a server acting in the back channel."""

    USER = "user"
    SERVER = "server"
    UNKNOWN = "unknown"


class Network(StrEnum):
    """Properties of the network behind `ip`."""

    VPN = "vpn"
    TOR = "tor"
    RELAY = "relay"
    HOSTING = "hosting"
    MOBILE = "mobile"
    SATELLITE = "satellite"
    OTHER = "other"


class AuthScheme(StrEnum):
    """How the token was presented: RFC 6750, RFC 9449, RFC 8705."""

    BEARER = "bearer"
    DPOP = "dpop"
    MTLS = "mtls"
    OTHER = "other"


class Reason(StrEnum):
    """Why a verification failed, or why a token was revoked."""

    BAD_CREDENTIALS = "bad-credentials"
    UNKNOWN_SUBJECT = "unknown-subject"
    INVALID_CLIENT = "invalid-client"
    LOCKED_OUT = "locked-out"
    MFA_FAILED = "mfa-failed"
    MFA_DENIED = "mfa-denied"
    RATE_LIMITED = "rate-limited"
    AUTHORIZATION_PENDING = "authorization-pending"
    INTERACTION_REQUIRED = "interaction-required"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_KEY = "unknown-key"
    ALG_NOT_ALLOWED = "alg-not-allowed"
    ISSUER_MISMATCH = "issuer-mismatch"
    AUDIENCE_MISMATCH = "audience-mismatch"
    CLIENT_MISMATCH = "client-mismatch"
    CNF_MISMATCH = "cnf-mismatch"
    TYPE_MISMATCH = "type-mismatch"
    INSUFFICIENT_SCOPE = "insufficient-scope"
    REVOKED = "revoked"
    INACTIVE = "inactive"
    REUSED = "reused"
    MALFORMED = "malformed"
    LOGOUT = "logout"
    ADMIN = "admin"
    ROTATION = "rotation"
    REUSE_DETECTED = "reuse-detected"
    PASSWORD_CHANGE = "password-change"
    CAP = "cap"
    IDLE = "idle"
    COMPROMISE = "compromise"
    OTHER = "other"


class RevokeScope(StrEnum):
    """How much a revocation covers."""

    TOKEN = "token"
    FAMILY = "family"
    SESSION = "session"
    GRANT = "grant"
    SUBJECT = "subject"
    CLIENT = "client"
    KEY = "key"
    OTHER = "other"


class TokenLocation(StrEnum):
    """Where in the request the token travelled."""

    HEADER = "header"
    COOKIE = "cookie"
    BODY = "body"
    QUERY = "query"
    FRAGMENT = "fragment"
    OTHER = "other"


class Transport(StrEnum):
    """Transport the token travelled over."""

    HTTPS = "https"
    HTTP = "http"
    MTLS = "mtls"
    OTHER = "other"


class Severity(IntEnum):
    """How bad it is if true. Ordered, so that severities compare."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Confidence(IntEnum):
    """How sure the detector is. Apart from severity."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class EntityType(StrEnum):
    """What an alert is about; the value is the entity `type` of the alert record and of dashboard URLs."""

    USER = "user"
    CLIENT = "client"
    IP = "ip"
    PREFIX = "prefix"
    TOKEN = "token"
    FAMILY = "family"
    SESSION = "session"
    KEY = "key"
    DEVICE = "device"
    ASN = "asn"
    TENANT = "tenant"


class EntityRole(StrEnum):
    """Part an entity plays in an alert."""

    ATTACKER = "attacker"
    VICTIM = "victim"
    TARGET = "target"
    OBSERVER = "observer"


NULL_CODE = -1


def codes(vocabulary: type[StrEnum]) -> dict[str, int]:
    """Map each value of a vocabulary to its int8 code (position in the enum)."""
    return {member.value: code for code, member in enumerate(vocabulary)}


def code(member: StrEnum) -> int:
    """Give the int8 code of one member."""
    return codes(type(member))[member.value]
