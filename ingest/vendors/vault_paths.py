"""What Vault's paths mean, of release 1.21: `{mount}` stands for where an engine is mounted."""

from __future__ import annotations

from typing import Final

from ingest.vendors.codes import Code, table

LOGIN_GRANTS: Final = {
    "userpass": ("password", "user"),
    "ldap": ("password", "user"),
    "okta": ("password", "user"),
    "radius": ("password", "user"),
    "kerberos": ("other", "user"),
    "github": ("other", "user"),
    "oidc": ("authorization_code", "user"),
    "saml": ("saml2-bearer", "user"),
    "jwt": ("jwt-bearer", "unknown"),
    "cert": ("other", "unknown"),
    "approle": ("client_credentials", "service"),
    "kubernetes": ("jwt-bearer", "service"),
    "aws": ("other", "service"),
    "azure": ("jwt-bearer", "service"),
    "gcp": ("jwt-bearer", "service"),
    "alicloud": ("other", "service"),
    "cf": ("other", "service"),
    "oci": ("other", "service"),
    "spiffe": ("jwt-bearer", "service"),
}
"""Type of an auth mount → grant of a login there, and who logs in."""

TOKEN_PATHS: Final = {
    "create": "issue",
    "create-orphan": "issue",
    "renew": "refresh",
    "renew-self": "refresh",
    "renew-accessor": "refresh",
    "revoke": "revoke",
    "revoke-self": "revoke",
    "revoke-accessor": "revoke",
    "revoke-orphan": "revoke",
}
"""`auth/token/<path>` → event type. `lookup*` and `tidy` are uses of the caller's token."""

LEASE_ENDS: Final = ("sys/leases/revoke", "sys/leases/revoke-prefix", "sys/leases/revoke-force", "sys/revoke")
"""What ends leases, with or without the lease or prefix behind it."""

TRANSIT: Final = {
    "sign": "sign",
    "hmac": "sign",
    "verify": "verify",
    "encrypt": "encrypt",
    "rewrap": "encrypt",
    "decrypt": "decrypt",
    "datakey": "wrap",
    "export": "export",
    "byok-export": "export",
    "backup": "export",
    "restore": "import",
    "wrapping_key": "get-public-key",
}
"""`transit/<operation>/…` → operation."""

TRANSIT_KEYS: Final = {
    "rotate": "rotate",
    "config": "policy-change",
    "import": "import",
    "import_version": "import",
    "trim": "destroy",
    "soft-delete": "disable",
    "soft-delete-restore": "enable",
    "csr": "sign",
    "set-certificate": "policy-change",
}
"""`transit/keys/<key>/<operation>` → operation."""

TRANSIT_KEY_CALLS: Final = {"create": "create", "update": "create", "read": "get-public-key", "delete": "destroy"}
"""Vault's operation on `transit/keys/<key>` itself → operation."""

KEY_ENDS: Final = ("destroy", "disable")
"""Operations that end a key; `trim` destroys only its old versions."""

KEY_BEFORE_LAST: Final = ("datakey", "export")
"""Operations whose key comes after a kind: `datakey/plaintext/<key>`."""

ISSUERS: Final = {"pki": ("issue", "sign", "sign-verbatim", "sign-self-issued", "root"), "ssh": ("sign", "issue")}
"""Type of an engine that signs with a key of its own → first part of the paths that sign."""

SECRET_ENGINES: Final = frozenset({"kv", "generic", "cubbyhole"})
"""Engines whose `read` gives out a stored secret; a lease in the answer of another engine says the same."""

ERRORS: Final = (
    ("invalid token", "inactive"),
    ("bad token", "inactive"),
    ("token not found", "inactive"),
    ("invalid accessor", "inactive"),
    ("missing client token", "malformed"),
    ("invalid credentials", "bad-credentials"),
    ("invalid username or password", "bad-credentials"),
    ("ldap operation failed", "bad-credentials"),
    ("access denied by the authentication server", "bad-credentials"),
    ("okta auth failed", "bad-credentials"),
    ("invalid role or secret id", "invalid-client"),
    ("invalid secret id", "invalid-client"),
    ("invalid secret_id", "invalid-client"),
    ("invalid role id", "invalid-client"),
    ("invalid role_id", "invalid-client"),
    ("failed to validate credential", "invalid-client"),
    ("login mfa", "mfa-failed"),
    ("mfa validation failed", "mfa-failed"),
    ("failed to satisfy enforcement", "mfa-failed"),
    ("user is locked", "locked-out"),
    ("quota exceeded", "rate-limited"),
    ("rate limit", "rate-limited"),
    ("token is expired", "expired"),
    ("expired certificate", "expired"),
    ("has expired", "expired"),
    ("not yet valid", "not-yet-valid"),
    ("used before", "not-yet-valid"),
    ("token signature", "bad-signature"),
    ("failed to verify signature", "bad-signature"),
    ("no known key", "unknown-key"),
    ("unsupported signing algorithm", "alg-not-allowed"),
    ("audience", "audience-mismatch"),
    ("issuer", "issuer-mismatch"),
    ("claim", "insufficient-scope"),
    ("namespace not authorized", "insufficient-scope"),
    ("service account name not authorized", "insufficient-scope"),
    ("failed to match all constraints", "insufficient-scope"),
    ("missing ", "malformed"),
    ("malformed", "malformed"),
)
"""Part of `error`, in lower case → reason, on a login or where the token itself was refused. The first one counts."""

INVALID_TOKENS: Final = ("invalid token", "bad token", "missing client token", "token is expired")
"""Errors that say that the caller's token is none; with any other the caller was known and was not allowed."""


def _issue(path: str, means: str, grant: str) -> Code:
    return Code(path, means, {"type": "issue", "grant_type": grant})


def _use(path: str, means: str, operation: str) -> Code:
    kind = {"type": "key-use", "operation": operation}
    ends = {"type": "revoke", "reason": "admin", "revoke_scope": "key", "operation": operation}
    return Code(path, means, ends if operation in KEY_ENDS and not path.endswith("/trim") else kind)


_TOKEN_FIELDS: Final[dict[str, dict[str, str | bool]]] = {
    "issue": {"type": "issue", "grant_type": "token-exchange"},
    "refresh": {"type": "refresh", "rotated": False},
    "revoke": {"type": "revoke", "revoke_scope": "token"},
}

CODES: Final = table(
    [
        Code("request", "a request without an error: its response is read"),
        Code("no-caller", "a call that no token was used for"),
        *(_issue(f"auth/<{kind}>/login", "a login", grant) for kind, (grant, _) in LOGIN_GRANTS.items()),
        *(Code(f"auth/token/{name}", "a token's life", _TOKEN_FIELDS[kind]) for name, kind in TOKEN_PATHS.items()),
        *(Code(path, "leases end", {"type": "revoke", "revoke_scope": "grant"}) for path in LEASE_ENDS),
        *(_use(f"<transit>/{name}/<key>", "use of a key", operation) for name, operation in TRANSIT.items()),
        *(_use(f"<transit>/keys/<key>/{name}", "life of a key", it) for name, it in TRANSIT_KEYS.items()),
        *(_use(f"{call} <transit>/keys/<key>", "life of a key", it) for call, it in TRANSIT_KEY_CALLS.items()),
        *(_use(f"<{kind}>/{name}", "the engine's key signs", "sign") for kind in ISSUERS for name in ISSUERS[kind]),
        *(_use(f"read <{kind}>", "a secret is read", "read-secret") for kind in sorted(SECRET_ENGINES)),
        _use("any other path", "use of the caller's token", "authenticate"),
        *(
            Code(f"error={words.strip()}", "part of an error", {"type": "verify-failure", "reason": reason})
            for words, reason in ERRORS
        ),
    ]
)
