"""Advice: what to do next, with the exact call that revokes the token, family, session or grant at its product.

Sources: Auth0 Management API v2 (sessions, refresh-tokens, grants), Okta Management API (user sessions, user OAuth
tokens), Keycloak Admin REST API (sessions, logout, consents), Microsoft Graph v1.0 (revokeSignInSessions,
oauth2PermissionGrants), Vault CLI (token revoke), AWS CLI (iam), RFC 7009 for everything else.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from string import Formatter
from typing import Final
from urllib.parse import quote

from alerts.entities import Row
from alerts.summary import safe


@dataclass(frozen=True, slots=True)
class Product:
    """How a product revokes: templates over event fields by revoke scope, best first; `words` name it in `source`."""

    words: tuple[str, ...]
    calls: dict[str, tuple[str, ...]]
    quoted: Callable[[str], str]


def _url(value: str) -> str:
    return quote(value, safe="")


_AUTH0_SESSION: Final = "Auth0: POST /api/v2/sessions/{session_id}/revoke ends the session and its refresh tokens"
_AUTH0_USER: Final = "Auth0: DELETE /api/v2/users/{sub}/refresh-tokens revokes the user's refresh tokens"
_OKTA_TOKENS: Final = "Okta: DELETE /api/v1/users/{sub}/clients/{client_id}/tokens revokes this client's refresh tokens"
_OKTA_USER: Final = "Okta: DELETE /api/v1/users/{sub}/sessions?oauthTokens=true ends the user's sessions and tokens"
_KEYCLOAK_SESSION: Final = (
    "Keycloak: DELETE /admin/realms/<realm>/sessions/{session_id} ends the session and its tokens"
)
_KEYCLOAK_USER: Final = "Keycloak: POST /admin/realms/<realm>/users/{sub}/logout ends the user's sessions"
_ENTRA_USER: Final = "Entra: POST https://graph.microsoft.com/v1.0/users/{sub}/revokeSignInSessions"
_VAULT_TOKEN: Final = "Vault: vault token revoke -accessor {token_id} revokes the token and its children"  # noqa: S105
_AWS_KEY: Final = "AWS: aws iam update-access-key --status Inactive --access-key-id {key_id}"
_AWS_ROLE: Final = (
    "AWS: attach a policy to the role that denies every action while aws:TokenIssueTime is before now; "
    "temporary credentials cannot be revoked one by one"
)

PRODUCTS: Final = (
    Product(
        ("auth0",),
        {
            "token": (_AUTH0_SESSION, _AUTH0_USER),
            "family": (_AUTH0_SESSION, _AUTH0_USER),
            "session": (_AUTH0_SESSION, _AUTH0_USER),
            "grant": ("Auth0: DELETE /api/v2/grants/{grant_id}", _AUTH0_USER),
        },
        _url,
    ),
    Product(
        ("okta",),
        {
            "token": (_OKTA_TOKENS, _OKTA_USER),
            "family": (_OKTA_TOKENS, _OKTA_USER),
            "session": (_OKTA_USER,),
            "grant": ("Okta: DELETE /api/v1/users/{sub}/grants/{grant_id}", _OKTA_TOKENS),
        },
        _url,
    ),
    Product(
        ("keycloak",),
        {
            "token": (_KEYCLOAK_SESSION, _KEYCLOAK_USER),
            "family": (_KEYCLOAK_SESSION, _KEYCLOAK_USER),
            "session": (_KEYCLOAK_SESSION, _KEYCLOAK_USER),
            "grant": ("Keycloak: DELETE /admin/realms/<realm>/users/{sub}/consents/{client_id}", _KEYCLOAK_USER),
        },
        _url,
    ),
    Product(
        ("entra", "azure"),
        {
            "token": (_ENTRA_USER,),
            "family": (_ENTRA_USER,),
            "session": (_ENTRA_USER,),
            "grant": ("Entra: DELETE https://graph.microsoft.com/v1.0/oauth2PermissionGrants/{grant_id}", _ENTRA_USER),
        },
        _url,
    ),
    Product(("vault",), dict.fromkeys(("token", "family", "session", "grant"), (_VAULT_TOKEN,)), shlex.quote),
    Product(
        ("aws", "cloudtrail"),
        {"token": (_AWS_KEY, _AWS_ROLE), "family": (_AWS_ROLE,), "session": (_AWS_ROLE,), "grant": (_AWS_ROLE,)},
        shlex.quote,
    ),
)

GENERIC: Final = {
    "token": "Revoke the token at the issuer's revocation endpoint (RFC 7009)",
    "family": "Revoke the newest refresh token at the issuer's revocation endpoint (RFC 7009); that ends its family",
    "session": "End the session at the issuer",
    "grant": "Withdraw the client's grant at the issuer",
}


def advice_of(steps: Iterable[str], revoke: str | None, row: Row) -> list[str]:
    """Give a class's steps, led by the call that revokes `revoke` at the product the event came from."""
    return [*([_call(revoke, row)] if revoke else []), *steps]


def _call(revoke: str, row: Row) -> str:
    source = str(row.get("source", "")).casefold()
    for product in PRODUCTS:
        if any(word in source for word in product.words):
            for template in product.calls[revoke]:
                names = {name for _, name, _, _ in Formatter().parse(template) if name}
                if names <= row.keys():
                    return template.format_map({name: product.quoted(safe(str(row[name]), 256)) for name in names})
    return GENERIC[revoke]
