"""CloudTrail's words: calls by `service:eventName`, and error codes that refuse a credential."""

from __future__ import annotations

from typing import Final

from ingest.vendors.codes import Code, table


def _temporary(name: str, means: str) -> Code:
    return Code(f"sts:{name}", means, {"type": "issue", "token_type": "session", "grant_type": "token-exchange"})


def _key(name: str, operation: str, means: str) -> Code:
    return Code(f"kms:{name}", means, {"type": "key-use", "operation": operation})


def _key_revoked(name: str, operation: str, means: str) -> Code:
    fields = {"type": "revoke", "reason": "admin", "revoke_scope": "key", "operation": operation}
    return Code(f"kms:{name}", means, fields)


def _secret(name: str, means: str) -> Code:
    return Code(f"secretsmanager:{name}", means, {"type": "key-use", "operation": "read-secret"})


def _access_key(name: str, means: str) -> Code:
    return Code(f"iam:{name}", means, {"type": "revoke", "reason": "admin", "revoke_scope": "token"})


def _refused(code: str, reason: str, means: str) -> Code:
    return Code(code, means, {"type": "verify-failure", "reason": reason})


CODES: Final = table(
    [
        _temporary("AssumeRole", "A role's temporary keys, for a principal"),
        _temporary("AssumeRoleWithSAML", "A role's temporary keys, for a SAML assertion"),
        _temporary("AssumeRoleWithWebIdentity", "A role's temporary keys, for an OpenID Connect token"),
        _temporary("AssumeRoot", "Temporary keys of a member account's root user"),
        _temporary("GetFederationToken", "A federated user's temporary keys"),
        _temporary("GetSessionToken", "Temporary keys of the caller"),
        Code("signin:ConsoleLogin", "A console login; refused, it is a failure", {"type": "issue"}),
        Code("signin:CheckMfa", "A second factor; passed, it is no event", {"type": "verify-failure"}),
        Code("iam:CreateAccessKey", "A long-lived access key was made", {"type": "issue", "token_type": "api-key"}),
        _access_key("DeleteAccessKey", "An access key was deleted"),
        _access_key("UpdateAccessKey", "An access key was made inactive"),
        _key("Sign", "sign", "A signature was made"),
        _key("GenerateMac", "sign", "A MAC was made"),
        _key("Verify", "verify", "A signature was checked"),
        _key("VerifyMac", "verify", "A MAC was checked"),
        _key("Encrypt", "encrypt", "Data was encrypted"),
        _key("ReEncrypt", "encrypt", "Data was encrypted anew, inside KMS"),
        _key("Decrypt", "decrypt", "Data was decrypted"),
        _key("GenerateDataKey", "wrap", "A data key was made and wrapped"),
        _key("GenerateDataKeyWithoutPlaintext", "wrap", "A data key was made, wrapped only"),
        _key("GenerateDataKeyPair", "wrap", "A key pair was made and wrapped"),
        _key("GenerateDataKeyPairWithoutPlaintext", "wrap", "A key pair was made, wrapped only"),
        _key("GetPublicKey", "get-public-key", "The public half was fetched"),
        _key("CreateKey", "create", "A key was made"),
        _key("EnableKey", "enable", "A key was enabled"),
        _key("CancelKeyDeletion", "enable", "A key's deletion was called off"),
        _key_revoked("DisableKey", "disable", "A key was disabled"),
        _key_revoked("ScheduleKeyDeletion", "schedule-delete", "A key is to be deleted"),
        _key("DeleteImportedKeyMaterial", "destroy", "Imported key material was deleted"),
        _key("ImportKeyMaterial", "import", "Key material was imported"),
        _key("RotateKeyOnDemand", "rotate", "A key was rotated"),
        _key("PutKeyPolicy", "policy-change", "A key's policy was replaced"),
        _key("CreateGrant", "policy-change", "A grant on a key was made"),
        _secret("GetSecretValue", "A secret was read"),
        _secret("BatchGetSecretValue", "Secrets were read"),
        _refused("ExpiredToken", "expired", "The temporary key has expired"),
        _refused("ExpiredTokenException", "expired", "The temporary key has expired"),
        _refused("RequestExpired", "expired", "The signed request is too old"),
        _refused("TokenRefreshRequired", "expired", "The temporary key has to be renewed"),
        _refused("RequestTimeTooSkewed", "not-yet-valid", "The clocks differ too much"),
        _refused("InvalidClientTokenId", "inactive", "No such access key, or an inactive one"),
        _refused("InvalidAccessKeyId", "inactive", "No such access key"),
        _refused("UnrecognizedClientException", "inactive", "No such access key, or its session token"),
        _refused("InvalidToken", "malformed", "The session token is none"),
        _refused("InvalidIdentityToken", "malformed", "The web identity token cannot be checked"),
        _refused("MissingAuthenticationToken", "malformed", "The request is not signed"),
        _refused("MissingAuthenticationTokenException", "malformed", "The request is not signed"),
        _refused("IncompleteSignature", "malformed", "The signature lacks parts"),
        _refused("SignatureDoesNotMatch", "bad-signature", "The secret key is another"),
        _refused("InvalidSignatureException", "bad-signature", "The secret key is another"),
        _refused("AuthFailure", "bad-credentials", "EC2 could not validate the credentials"),
        _refused("IDPRejectedClaim", "other", "The identity provider rejected the claim"),
    ]
)
"""Every other call is use of the key that signed it; every other Invalid* is about a parameter."""
