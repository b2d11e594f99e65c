"""Keycloak's words in ours, of release 26.4. What stands in no table is no token event."""

from __future__ import annotations

from typing import Final

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
