"""Entra's sign-in error codes in our reasons, by class.

An interrupt asks the user for more and refuses nothing: those are no failures. A code that is not listed is `other`.

Source: the reference of Microsoft Entra authentication and authorization error codes, and the error look-up page for
the codes of five digits and more that it does not list.
"""

from __future__ import annotations

from typing import Final

from ingest.vendors.codes import Code, table

CLASSES: Final[dict[str, dict[int, str]]] = {
    "bad-credentials": {
        50056: "no password is set for the user, or it is wrong",
        50064: "the check of name and password failed",
        50126: "invalid user name or password",
        81004: "the Kerberos authentication failed",
        80007: "the agent could not validate the password",
    },
    "unknown-subject": {
        16003: "the user was not added to the tenant",
        50014: "the guest does not exist in the directory yet",
        50020: "the account of another provider does not exist in the tenant",
        50034: "the account does not exist",
        50059: "neither request nor credentials name a tenant",
        50128: "the domain is not known",
        50197: "the user could not be found",
        51004: "the account is not in the directory",
        81011: "nobody has the SID of the Kerberos ticket",
        90002: "the tenant does not exist",
        90072: "the account of another provider is not in the tenant",
    },
    "invalid-client": {
        50012: "the client's certificate or assertion was refused",
        50048: "subject and issuer of the client's assertion differ",
        70001: "the application is disabled or not in the directory",
        70002: "the client's credentials were refused",
        700011: "the application is not in the directory",
        700016: "the application is not in the tenant",
        700025: "a public client presented credentials",
        700027: "the signature of the client's assertion is invalid",
        700030: "the subject name of the client's certificate is not allowed",
        7000112: "the application is disabled",
        7000215: "the client secret is wrong",
        7000218: "neither assertion nor secret of the client was given",
        7000222: "the client secret has expired",
    },
    "locked-out": {
        50053: "the account is locked, or the address is known for attacks",
        50057: "the account is disabled",
        53011: "the user is blocked for a risk in the home tenant",
        530034: "a delegated administrator is blocked for a risk",
        80012: "the account may not sign in at this hour",
    },
    "mfa-failed": {
        50155: "the device could not be authenticated",
        50158: "the external challenge was not met",
        500121: "the second factor failed",
        50078: "the second factor has expired",
    },
    "rate-limited": {
        50088: "too many telephone calls for second factors",
        50166: "the external provider was asked too often",
        50196: "the client asks the same in a loop",
        90055: "too many requests",
    },
    "authorization-pending": {70016: "the user has not yet approved the device"},
    "expired": {
        50089: "the flow token has expired",
        50132: "the session is invalid since the password expired or changed",
        54009: "the authorization code has expired",
        70008: "the refresh token or code has expired",
        70019: "the code of the device has expired",
        70043: "the refresh token is older than the sign-in frequency allows",
        70044: "the session is older than the sign-in frequency allows",
        76026: "the SAML request is too old",
        81010: "the Kerberos ticket is invalid or has expired",
        500133: "the assertion is not within its time",
        700082: "the refresh token has expired by inactivity",
        700084: "the refresh token of a single page application is at its end",
    },
    "revoked": {
        50133: "the session was revoked by a change of the password",
        50173: "the refresh token was revoked",
    },
    "inactive": {
        16002: "the application's session does not exist",
        50139: "the session lacks its external refresh token",
        50143: "the session is another tenant's",
        160021: "the session does not exist",
    },
    "reused": {54005: "the authorization code was redeemed before"},
    "bad-signature": {
        50006: "the signature is invalid",
        50099: "the signature of the JWT is invalid",
    },
    "issuer-mismatch": {50107: "the federation realm does not exist"},
    "audience-mismatch": {
        50001: "the resource does not exist or is disabled",
        50010: "no audience is set up for the application",
        500011: "the resource is not in the tenant",
    },
    "client-mismatch": {
        501481: "the verifier does not match the code challenge",
        50011: "the reply address is not the application's",
        70004: "the redirect address is not the application's",
    },
    "cnf-mismatch": {70000: "the refresh token is invalid: its binding does not match"},
    "insufficient-scope": {
        50002: "the tenant is restricted by a proxy",
        50005: "the platform of the device is not allowed",
        50105: "the user is not assigned to the application",
        50131: "conditional access refused",
        500021: "tenant restrictions refused",
        500022: "tenant restrictions refused",
        500212: "the outbound policy of the tenant refused",
        500213: "the inbound policy of the tenant refused",
        53000: "the device is not compliant",
        53001: "the device is not joined to the domain",
        53002: "the application is not approved",
        53003: "conditional access refused",
        530032: "a security policy refused",
        530035: "the security defaults refused",
        65004: "the user declined the consent",
        65005: "the application may not ask for the resource",
        70011: "the scope is invalid",
        650057: "the resource is not among those the application asks for",
    },
    "malformed": {
        50008: "the SAML assertion is missing or wrong",
        50013: "the assertion is invalid",
        50027: "the JWT is invalid",
        50120: "the header of the JWT is wrong",
        50147: "the size of the code challenge is wrong",
        50192: "no credential was sent",
        70003: "the grant type is not supported",
        70018: "the user typed a wrong code of a device",
        81009: "the Kerberos ticket cannot be read",
        90013: "the user's input is invalid",
        90014: "a field is missing",
        90016: "a claim is missing",
        90023: "the request is invalid",
        900144: "a parameter is missing",
        9002313: "the request is malformed",
    },
}
"""Reason → code → what it says."""

INTERRUPTS: Final[dict[int, str]] = {
    16000: "another account has to be chosen",
    16001: "another account has to be chosen",
    50055: "the password has expired and is to be changed",
    50058: "nobody is signed in yet",
    50072: "a second factor is to be set up",
    50074: "a second factor is asked for",
    50076: "a second factor is asked for by policy",
    50079: "a second factor is to be set up by policy",
    50097: "the device has to authenticate",
    50125: "a password is to be reset or registered",
    50127: "a broker is to be installed",
    50129: "the device is to be joined",
    50135: "the password is to be changed for a risk",
    50140: "the user is asked whether to stay signed in",
    50144: "the password of the directory on premises has expired",
    50168: "the browser is to fetch a token of the device",
    50180: "integrated Windows authentication is asked for",
    50187: "the device has to authenticate",
    50199: "the user is asked to confirm the application",
    50203: "the user is asked to register the authenticator",
    50207: "the user is asked for a consent",
    51006: "integrated Windows authentication is asked for",
    53004: "a second factor is to be set up first",
    65001: "the consent to the application is asked for",
    81012: "another user is signed in to the device",
    90094: "an administrator has to consent",
    90095: "an administrator is asked to consent",
}
"""Code → what the user is asked for."""

REASONS: Final[dict[int, str]] = {code: reason for reason, codes in CLASSES.items() for code in codes}

CODES: Final = table(
    [
        Code("0", "a sign-in; with a refresh token its redemption, too", {"type": "issue"}),
        *(
            Code(str(code), means, {"type": "verify-failure", "reason": reason})
            for reason, codes in CLASSES.items()
            for code, means in codes.items()
        ),
        *(Code(str(code), means) for code, means in INTERRUPTS.items()),
    ]
)
