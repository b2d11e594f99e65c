"""Keycloak's words in ours, of release 26.4. What stands in no table is no token event."""

from __future__ import annotations

from typing import Final

from ingest.vendors.codes import Code, table

MINTS: Final[dict[str, str | None]] = {
    "CODE_TO_TOKEN": None,
    "CLIENT_LOGIN": "client_credentials",
    "TOKEN_EXCHANGE": "token-exchange",
    "OAUTH2_DEVICE_CODE_TO_TOKEN": "device_code",
    "AUTHREQID_TO_TOKEN": "ciba",
    "JWT_BEARER": "jwt-bearer",
    "OAUTH2_EXTENSION_GRANT": "other",
    "PERMISSION_TOKEN": "other",
}
"""Event type → grant of the tokens it gives out. The login before CODE_TO_TOKEN is an event of its own."""

USES: Final = {
    "USER_INFO_REQUEST": "authenticate",
    "VALIDATE_ACCESS_TOKEN": "verify",
    "INTROSPECT_TOKEN": "verify",
    "IDENTITY_PROVIDER_RETRIEVE_TOKEN": "read-secret",
}
"""Event type → operation of a key-use."""

FAILING: Final[dict[str, str | None]] = {
    "LOGIN": None,
    "IDENTITY_PROVIDER_LOGIN": None,
    "IDENTITY_PROVIDER_RESPONSE": None,
    "IMPERSONATE": None,
    "CODE_TO_TOKEN": "authorization_code",
    "REFRESH_TOKEN": "refresh_token",
    **{name: grant for name, grant in MINTS.items() if grant},
    "OAUTH2_DEVICE_AUTH": "device_code",
    "OAUTH2_DEVICE_VERIFY_USER_CODE": "device_code",
    "PUSHED_AUTHORIZATION_REQUEST": None,
    "INVALID_SIGNATURE": None,
    "CLIENT_INFO": None,
    "CLIENT_REGISTER": None,
    "CLIENT_UPDATE": None,
    "CLIENT_DELETE": None,
    "LOGOUT": None,
    "REVOKE_GRANT": None,
    **dict.fromkeys(USES),
}
"""Event type whose `_ERROR` is a failed verification of something presented → grant."""

INTERRUPTS: Final = frozenset(
    {"expired_code", "cookie_not_found", "already_logged_in", "invalid_authentication_session", "rejected_by_user"}
    | {"resolve_required_actions", "display_unsupported", "different_user_authenticating"}
)
"""Errors of LOGIN where no credential was refused: a login page left open, a second tab, a consent not given."""

ERRORS: Final = {
    "invalid_user_credentials": "bad-credentials",
    "identity_provider_login_failure": "bad-credentials",
    "password_rejected": "bad-credentials",
    "user_not_found": "unknown-subject",
    "invalid_user": "unknown-subject",
    "user_temporarily_disabled": "locked-out",
    "user_disabled": "locked-out",
    "credential_not_found": "mfa-failed",
    "invalid_client": "invalid-client",
    "invalid_client_credentials": "invalid-client",
    "client_not_found": "invalid-client",
    "client_disabled": "invalid-client",
    "unauthorized_client": "invalid-client",
    "slow_down": "rate-limited",
    "resolve_required_actions": "interaction-required",
    "consent_denied": "interaction-required",
    "expired_code": "expired",
    "expired_oauth2_device_code": "expired",
    "session_expired": "inactive",
    "user_session_not_found": "inactive",
    "not_logged_in": "inactive",
    "realm_disabled": "inactive",
    "invalid_code": "inactive",
    "invalid_oauth2_device_code": "malformed",
    "invalid_oauth2_user_code": "malformed",
    "invalid_token": "malformed",
    "invalid_request": "malformed",
    "invalid_permission_ticket": "malformed",
    "token_introspection_failed": "malformed",
    "invalid_saml_response": "malformed",
    "invalid_saml_document": "malformed",
    "invalid_authn_request": "malformed",
    "invalid_logout_request": "malformed",
    "invalid_logout_response": "malformed",
    "invalid_artifact": "malformed",
    "invalid_artifact_response": "malformed",
    "username_missing": "malformed",
    "missing_credential_id": "malformed",
    "code_verifier_missing": "client-mismatch",
    "invalid_code_verifier": "client-mismatch",
    "pkce_verification_failed": "client-mismatch",
    "invalid_code_challenge_method": "client-mismatch",
    "invalid_redirect_uri": "client-mismatch",
    "invalid_token_type": "type-mismatch",
    "invalid_signature": "bad-signature",
    "invalid_issuer": "issuer-mismatch",
    "invalid_dpop_proof": "cnf-mismatch",
    "not_allowed": "insufficient-scope",
    "access_denied": "insufficient-scope",
}
"""`error` → reason."""

REASONS: Final = (
    ("stale token", "reused"),
    ("refresh token reuse exceeded", "reused"),
    ("session not active", "inactive"),
    ("session not found", "inactive"),
    ("session doesn't have required client", "inactive"),
    ("offline access not granted anymore", "revoked"),
    ("issued before", "revoked"),
    ("token revoked", "revoked"),
    ("user disabled", "locked-out"),
    ("unknown user", "unknown-subject"),
    ("token client and authorized client don't match", "client-mismatch"),
    ("unmatching clients", "client-mismatch"),
    ("client is not the token holder", "client-mismatch"),
    ("client is not within the token audience", "audience-mismatch"),
    ("audience not available", "audience-mismatch"),
    ("invalid token issuer", "issuer-mismatch"),
    ("token is not active", "expired"),
    ("token type is incorrect", "type-mismatch"),
    ("invalid token signature", "bad-signature"),
    ("unsupported token algorithm", "alg-not-allowed"),
    ("dpop", "cnf-mismatch"),
    ("client certificate", "cnf-mismatch"),
    ("invalid refresh token", "malformed"),
    ("client_policy_error", "insufficient-scope"),
)
"""Part of `reason`, in lower case → reason. The first one counts, before that of the error."""

CREDENTIAL_REASONS: Final = {"password": "bad-credentials", "password-history": "bad-credentials"}
"""`credential_type` → reason of wrong credentials; any other type is a second factor."""

_MEANINGS: Final = {
    "LOGIN": "a user signed in; with a token id the password grant",
    "REGISTER": "a user registered",
    "LOGOUT": "a session ended",
    "CODE_TO_TOKEN": "a code became tokens",
    "CLIENT_LOGIN": "a client got a token for itself",
    "REFRESH_TOKEN": "a refresh token was redeemed (not saved by default)",
    "VALIDATE_ACCESS_TOKEN": "an access token was checked (old releases)",
    "INTROSPECT_TOKEN": "a resource server asked about a token",
    "FEDERATED_IDENTITY_LINK": "an identity of another provider was linked",
    "REMOVE_FEDERATED_IDENTITY": "a linked identity was removed",
    "UPDATE_EMAIL": "an address was changed",
    "UPDATE_PROFILE": "a profile was changed",
    "UPDATE_PASSWORD": "a password was changed",
    "UPDATE_TOTP": "a second factor was set up",
    "VERIFY_EMAIL": "an address was confirmed",
    "VERIFY_PROFILE": "a profile was completed",
    "REMOVE_TOTP": "a second factor was removed",
    "GRANT_CONSENT": "a consent was given",
    "UPDATE_CONSENT": "a consent was changed",
    "REVOKE_GRANT": "a token or a consent was revoked",
    "SEND_VERIFY_EMAIL": "a confirmation was sent",
    "SEND_RESET_PASSWORD": "a link to a new password was sent",
    "SEND_IDENTITY_PROVIDER_LINK": "a link to link an identity was sent",
    "RESET_PASSWORD": "a new password was asked for",
    "RESTART_AUTHENTICATION": "a login began anew",
    "INVALID_SIGNATURE": "the signature of a request was wrong",
    "REGISTER_NODE": "a node of a client was registered",
    "UNREGISTER_NODE": "a node of a client was removed",
    "USER_INFO_REQUEST": "the user info was asked with a token",
    "IDENTITY_PROVIDER_LINK_ACCOUNT": "an account was linked",
    "IDENTITY_PROVIDER_LOGIN": "a login went to another provider; LOGIN follows",
    "IDENTITY_PROVIDER_FIRST_LOGIN": "the first login from another provider",
    "IDENTITY_PROVIDER_POST_LOGIN": "a step after the login at another provider",
    "IDENTITY_PROVIDER_RESPONSE": "another provider answered",
    "IDENTITY_PROVIDER_RETRIEVE_TOKEN": "the stored token of another provider was read",
    "IMPERSONATE": "an administrator took the place of a user",
    "CUSTOM_REQUIRED_ACTION": "a step of one's own was taken",
    "EXECUTE_ACTIONS": "steps were sent to a user",
    "EXECUTE_ACTION_TOKEN": "a sent link was followed",
    "CLIENT_INFO": "a client read its registration",
    "CLIENT_REGISTER": "a client registered itself",
    "CLIENT_UPDATE": "a client changed its registration",
    "CLIENT_DELETE": "a client deleted itself",
    "CLIENT_INITIATED_ACCOUNT_LINKING": "a client had an account linked",
    "TOKEN_EXCHANGE": "a token was exchanged",
    "OAUTH2_DEVICE_AUTH": "a device asked for a code",
    "OAUTH2_DEVICE_VERIFY_USER_CODE": "a user typed the code of a device",
    "OAUTH2_DEVICE_CODE_TO_TOKEN": "the code of a device became tokens",
    "AUTHREQID_TO_TOKEN": "a back-channel request (CIBA) became tokens",
    "PERMISSION_TOKEN": "a token with permissions (UMA) was given",
    "DELETE_ACCOUNT": "a user deleted the account",
    "PUSHED_AUTHORIZATION_REQUEST": "an authorization request was pushed",
    "USER_DISABLED_BY_PERMANENT_LOCKOUT": "guesses disabled an account for good",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT": "guesses locked an account for a while; the refused logins count",
    "OAUTH2_EXTENSION_GRANT": "a grant of one's own gave tokens",
    "JWT_BEARER": "a JWT became tokens",
    "FEDERATED_IDENTITY_OVERRIDE_LINK": "a linked identity was replaced",
    "UPDATE_CREDENTIAL": "a credential was changed",
    "REMOVE_CREDENTIAL": "a credential was removed",
    "INVITE_ORG": "a user was invited to an organisation",
}
"""Every EventType of Keycloak 26.4; each has an `_ERROR` as well."""

_ISSUES: Final = {"LOGIN": None, "IMPERSONATE": "other", **MINTS}
ENDS: Final = {
    "LOGOUT": {"type": "revoke", "reason": "logout", "revoke_scope": "session", "token_type": "session"},
    "REVOKE_GRANT": {"type": "revoke", "reason": "other"},
    "DELETE_ACCOUNT": {"type": "revoke", "reason": "other", "revoke_scope": "subject"},
    "USER_DISABLED_BY_PERMANENT_LOCKOUT": {"type": "revoke", "reason": "other", "revoke_scope": "subject"},
    "CLIENT_DELETE": {"type": "revoke", "reason": "other", "revoke_scope": "client"},
}
"""Event type → what ends; REVOKE_GRANT says by its details what."""


def _fields(kind: str) -> dict[str, str]:
    if kind in _ISSUES:
        return {"type": "issue", **({"grant_type": grant} if (grant := _ISSUES[kind]) else {})}
    if kind == "REFRESH_TOKEN":
        return {"type": "refresh", "grant_type": "refresh_token"}
    if kind in USES:
        return {"type": "key-use", "operation": USES[kind]}
    return ENDS.get(kind, {})


def _error_fields(kind: str) -> dict[str, str]:
    if kind not in FAILING:
        return {}
    return {"type": "verify-failure", **({"grant_type": grant} if (grant := FAILING[kind]) else {})}


def _reason(word: str, means: str, reason: str) -> Code:
    return Code(word, means, {"type": "verify-failure", "reason": reason})


CODES: Final = table(
    [
        *(Code(kind, means, _fields(kind)) for kind, means in _MEANINGS.items()),
        *(Code(f"{kind}_ERROR", f"refused: {means}", _error_fields(kind)) for kind, means in _MEANINGS.items()),
        *(_reason(f"error={error}", error.replace("_", " "), reason) for error, reason in ERRORS.items()),
        *(_reason(f"reason={words}", "stands in the detail `reason`", reason) for words, reason in REASONS),
    ]
)
