"""Okta's event types; `<type>/failure` is the type with the result FAILURE or DENY."""

from __future__ import annotations

from typing import Any, Final

from ingest.vendors.codes import Code, table

Fields = dict[str, Any]


def _failed(code: str, reason: str, means: str) -> Code:
    return Code(f"{code}/failure", means, {"type": "verify-failure", "reason": reason})


def _both(code: str, means: str, fields: Fields) -> list[Code]:
    """List a type that says the same whatever its result."""
    return [Code(code, means, fields), Code(f"{code}/failure", means, fields)]


def _ended(code: str, reason: str, scope: str, means: str) -> list[Code]:
    return [
        Code(code, means, {"type": "revoke", "reason": reason, "revoke_scope": scope}),
        Code(f"{code}/failure", f"Not done: {means[0].lower()}{means[1:]}"),
    ]


def _key(code: str, operation: str, means: str) -> list[Code]:
    fields = {"type": "key-use", "operation": operation}
    return [
        Code(code, means, {**fields, "outcome": "success"}),
        Code(f"{code}/failure", f"Not done: {means[0].lower()}{means[1:]}", {**fields, "outcome": "error"}),
    ]


def _none(code: str, means: str) -> list[Code]:
    return _both(code, means, {})


def _server(area: str) -> list[Code]:
    """List the types that the org's own authorization server and custom ones have alike."""
    issue = {"type": "issue"}
    reuse = {"type": "verify-failure", "reason": "reused", "token_type": "refresh"}
    return [
        Code(f"{area}.token.grant", "Tokens granted; each is told by an event of its own"),
        _failed(f"{area}.token.grant", "other", "Token request refused; the reason says why"),
        Code(f"{area}.token.grant.access_token", "Access token granted", {**issue, "token_type": "access"}),
        Code(f"{area}.token.grant.id_token", "ID token granted", {**issue, "token_type": "id"}),
        Code(
            f"{area}.token.grant.refresh_token",
            "Refresh token granted; for a refresh token it is a refresh",
            {**issue, "token_type": "refresh"},
        ),
        Code(f"{area}.token.grant.device_secret", "Device secret granted", {**issue, "token_type": "other"}),
        Code(f"{area}.token.grant.id_jag", "Identity assertion granted", {**issue, "token_type": "other"}),
        *_both(f"{area}.token.detect_reuse", "Spent refresh token presented again", reuse),
        *_ended(f"{area}.token.revoke", "other", "token", "Token revoked"),
        *_none(f"{area}.authorize.code", "Authorization code granted"),
        Code(f"{area}.authorize.implicit.access_token", "Access token, implicit", {**issue, "token_type": "access"}),
        Code(f"{area}.authorize.implicit.id_token", "ID token, implicit", {**issue, "token_type": "id"}),
        Code(f"{area}.authorize", "Authorization request"),
        _failed(f"{area}.authorize", "other", "Authorization request refused"),
        *_key(f"{area}.key.rollover", "rotate", "Signing keys rotated"),
    ]


CODES: Final = table(
    [
        *_server("app.oauth2"),
        *_server("app.oauth2.as"),
        *_none("app.oauth2.as.authorize.scope_denied", "Scope not granted"),
        *_none("app.oauth2.as.evaluate.claim", "Claim evaluated"),
        *_none("app.oauth2.as.consent.grant", "Consent given"),
        *_ended("app.oauth2.as.consent.revoke", "other", "grant", "Consent revoked"),
        *_ended("app.oauth2.as.consent.revoke.user", "other", "grant", "Consents of a user revoked"),
        *_ended("app.oauth2.as.consent.revoke.user.client", "other", "grant", "Consents of a user to a client revoked"),
        *_ended("app.oauth2.as.consent.revoke.implicit.as", "other", "grant", "Consents gone with their server"),
        *_ended("app.oauth2.as.consent.revoke.implicit.client", "other", "grant", "Consents gone with their client"),
        *_ended("app.oauth2.as.consent.revoke.implicit.scope", "other", "grant", "Consents gone with their scope"),
        *_ended("app.oauth2.as.consent.revoke.implicit.user", "other", "grant", "Consents gone with their user"),
        *_ended("app.oauth2.token.revoke.implicit.as", "other", "other", "Tokens gone with their server"),
        *_ended("app.oauth2.token.revoke.implicit.client", "admin", "client", "Tokens gone with their client"),
        *_ended("app.oauth2.token.revoke.implicit.user", "admin", "subject", "Tokens gone with their user"),
        *_both(
            "app.oauth2.invalid_client_credentials",
            "Client secret or assertion refused",
            {"type": "verify-failure", "reason": "invalid-client"},
        ),
        *_both(
            "app.oauth2.invalid_client_ids",
            "Unknown clients named",
            {"type": "verify-failure", "reason": "invalid-client"},
        ),
        *_none("app.oauth2.signon", "Sign-on to an app by OpenID Connect"),
        *_key("app.oauth2.client.read_client_secret", "read-secret", "Client secret read"),
        *_key("app.oauth2.credentials.lifecycle.create", "create", "Client credential made"),
        *_key("app.oauth2.credentials.lifecycle.activate", "enable", "Client credential activated"),
        *_key("app.oauth2.credentials.lifecycle.deactivate", "disable", "Client credential deactivated"),
        *_key("app.oauth2.credentials.lifecycle.delete", "destroy", "Client credential deleted"),
        *_none("app.oauth2.client.lifecycle.create", "Client made"),
        *_none("app.oauth2.client.lifecycle.update", "Client changed"),
        *_none("app.oauth2.client.lifecycle.activate", "Client activated"),
        *_ended("app.oauth2.client.lifecycle.deactivate", "admin", "client", "Client deactivated"),
        *_ended("app.oauth2.client.lifecycle.delete", "admin", "client", "Client deleted"),
        *_key("app.keys.clone", "export", "App's key copied to another app"),
        *_key("app.keys.generate", "create", "App's key made"),
        *_key("app.keys.rotate", "rotate", "App's key rotated"),
        Code("system.api_token.create", "API token made", {"type": "issue", "token_type": "api-key"}),
        Code("system.api_token.create/failure", "API token not made"),
        *_none("system.api_token.enable", "API token enabled"),
        *_none("system.api_token.update", "API token changed"),
        *_ended("system.api_token.disable", "admin", "token", "API token disabled"),
        *_ended("system.api_token.revoke", "admin", "token", "API token revoked"),
        Code("user.session.start", "Login", {"type": "issue", "token_type": "session"}),
        _failed("user.session.start", "other", "Login failed; the reason says why"),
        *_ended("user.session.end", "logout", "session", "Logout"),
        *_ended("user.session.expire", "idle", "session", "Session expired"),
        *_ended("user.session.clear", "admin", "subject", "All sessions of a user cleared"),
        *_none("user.session.access_admin_app", "Admin console opened"),
        *_none("user.session.context.change", "Session used from another context"),
        *_none("user.session.impersonation.initiate", "Support impersonation started"),
        *_none("user.session.impersonation.end", "Support impersonation ended"),
        *_none("user.session.impersonation.grant", "Support impersonation allowed"),
        *_none("user.session.impersonation.revoke", "Support impersonation no longer allowed"),
        *_none("user.authentication.sso", "Sign-on to an app"),
        Code("user.authentication.auth_via_mfa", "Second factor passed; the login follows"),
        _failed("user.authentication.auth_via_mfa", "mfa-failed", "Second factor wrong or denied"),
        Code("user.authentication.auth_via_IDP", "Login by another identity provider; the session follows"),
        _failed("user.authentication.auth_via_IDP", "other", "Login by another identity provider failed"),
        Code("user.authentication.auth_via_social", "Social login; the session follows"),
        _failed("user.authentication.auth_via_social", "other", "Social login failed"),
        Code("user.authentication.auth_via_inbound_SAML", "Login by SAML; the session follows"),
        _failed("user.authentication.auth_via_inbound_SAML", "other", "Login by SAML failed"),
        Code("user.authentication.auth_via_AD_agent", "Directory login; the session follows"),
        _failed("user.authentication.auth_via_AD_agent", "bad-credentials", "Directory login failed"),
        Code("user.authentication.auth_via_LDAP_agent", "Directory login; the session follows"),
        _failed("user.authentication.auth_via_LDAP_agent", "bad-credentials", "Directory login failed"),
        Code("user.authentication.auth_via_radius", "RADIUS login", {"type": "issue", "token_type": "session"}),
        _failed("user.authentication.auth_via_radius", "bad-credentials", "RADIUS login failed"),
        *_none("user.authentication.verify", "Authenticator verified"),
        *_both(
            "user.mfa.okta_verify.deny_push",
            "Push denied by the user",
            {"type": "verify-failure", "reason": "mfa-denied"},
        ),
        *_none("user.mfa.factor.activate", "Second factor enrolled"),
        *_none("user.mfa.factor.deactivate", "Second factor removed"),
        *_none("user.mfa.factor.reset_all", "All second factors removed"),
        *_none("user.mfa.factor.suspend", "Second factor suspended"),
        *_none("user.mfa.factor.unsuspend", "Second factor no longer suspended"),
        *_none("user.mfa.factor.update", "Second factor changed"),
        *_none("user.mfa.attempt_bypass", "Second factor bypass tried"),
        *_none("user.mfa.okta_verify", "Okta Verify challenge"),
        *_both("user.account.lock", "Account locked", {"type": "verify-failure", "reason": "locked-out"}),
        *_both("user.account.lock.limit", "Account at its limit", {"type": "verify-failure", "reason": "locked-out"}),
        *_ended("user.lifecycle.deactivate", "admin", "subject", "User deactivated"),
        *_ended("user.lifecycle.suspend", "admin", "subject", "User suspended"),
        *_ended("user.lifecycle.delete.initiated", "admin", "subject", "User deleted"),
    ]
)
WATCHED: Final = ("app.oauth2.", "app.keys.", "system.api_token.", "user.session.", "user.authentication.", "user.mfa.")
"""Areas whose types are all listed: another one is unknown. Types of other areas are no token events."""

REASONS: Final = {
    "INVALID_CREDENTIALS": "bad-credentials",
    "VERIFICATION_ERROR": "unknown-subject",
    "UNKNOWN_USER": "unknown-subject",
    "LOCKED_OUT": "locked-out",
    "PASSWORD_EXPIRED": "interaction-required",
    "RATE_LIMIT_EXCEEDED": "rate-limited",
    "invalid_client": "invalid-client",
    "unauthorized_client": "invalid-client",
    "slow_down": "rate-limited",
    "authorization_pending": "authorization-pending",
    "expired_token": "expired",
    "invalid_scope": "insufficient-scope",
    "login_required": "interaction-required",
    "consent_required": "interaction-required",
    "interaction_required": "interaction-required",
}
"""`outcome.reason` → reason, where the type leaves it open."""
