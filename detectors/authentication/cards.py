"""What an alert of each class of failed-auth-burst says, in the order of the positions in `shapes`."""

from __future__ import annotations

from typing import Final

from schemas.catalogue import AlertClass, EntityField, Metric, Unit
from schemas.vocabulary import EntityRole, EntityType, Severity

_VICTIM: Final = EntityField(EntityType.USER, "principal", EntityRole.VICTIM)
_TARGETS: Final = EntityField(EntityType.USER, "principal", EntityRole.TARGET)
_SOURCE: Final = EntityField(EntityType.IP, "ip", EntityRole.ATTACKER)
_NETWORK: Final = EntityField(EntityType.PREFIX, "ip", EntityRole.ATTACKER)
_FINGERPRINT: Final = EntityField(EntityType.DEVICE, "ja4", EntityRole.ATTACKER)
_CLIENT: Final = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_TENANT: Final = EntityField(EntityType.TENANT, "iss", EntityRole.VICTIM)
_KEY: Final = EntityField(EntityType.KEY, "key_id", EntityRole.TARGET)
_TOKENS: Final = EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET)

_TRIES: Final = Metric("tries", Unit.COUNT)
_SOURCES: Final = Metric("sources", Unit.COUNT)
_ACCOUNTS: Final = Metric("accounts", Unit.COUNT)
_SUCCEEDING: Final = Metric("succeeding", Unit.COUNT)
_FAILED: Final = Metric("failed", Unit.COUNT)
_SPREAD: Final = (_TRIES, _ACCOUNTS, _SUCCEEDING)
_SLOW: Final = (_ACCOUNTS, Metric("failing_share", Unit.RATIO))
_PROBE: Final = (_FAILED, Metric("tokens", Unit.COUNT), Metric("reasons", Unit.COUNT))

_GUARD_ACCOUNT: Final = (
    "Look for a success on this account after the tries.",
    "Ask the owner whether it was them; if not, reset the password and require a second factor.",
    "Block the source, if it is not shared.",
)
_GUARD_SOURCE: Final = (
    "List the accounts this source got into, and end their sessions.",
    "Block the source, or demand a challenge of it if it is shared.",
    "Reset the passwords of the accounts that were entered.",
)
_FIND_LEAK: Final = (
    *_GUARD_SOURCE,
    "Compare the tried identifiers with known leaks; warn their owners.",
)
_STALE: Final = (
    "Find the deployment that still holds the old credential, and update it.",
    "If nobody knows it, treat it as guessing.",
)
_PROBED: Final = (
    "See whether any of the presented ids was issued by you: such a token has leaked.",
    "Block the source at the resource server.",
)

CLASSES: Final = (
    AlertClass(
        "success-after-failures",
        "A login succeeded after an attack on it",
        "{user} logged in {elapsed} after the last of a burst of failures",
        Severity.HIGH,
        _VICTIM,
        (_TRIES, Metric("elapsed", Unit.SECONDS)),
        (_SOURCE,),
        ("T1110", "T1078.004"),
        (
            "Ask the owner whether it was them.",
            "If not, end the session, revoke the tokens issued since and reset the password.",
            "Follow what the session did.",
        ),
        revoke="session",
    ),
    AlertClass(
        "brute-force",
        "One account is guessed at",
        "{tries} failed tries on {user} from {sources} sources",
        Severity.MEDIUM,
        _VICTIM,
        (_TRIES, _SOURCES),
        (_SOURCE,),
        ("T1110.001",),
        _GUARD_ACCOUNT,
    ),
    AlertClass(
        "distributed-brute-force",
        "One account is guessed at from many places",
        "{tries} failed tries on {user} from {sources} sources in {countries} countries",
        Severity.HIGH,
        _VICTIM,
        (_TRIES, _SOURCES, Metric("countries", Unit.COUNT), Metric("networks", Unit.COUNT)),
        (_SOURCE,),
        ("T1110.001",),
        _GUARD_ACCOUNT,
    ),
    AlertClass(
        "password-spray",
        "One source tries a few passwords on many accounts",
        "{tries} failed tries on {accounts} accounts from {ip}",
        Severity.HIGH,
        _SOURCE,
        _SPREAD,
        (_TARGETS,),
        ("T1110.003",),
        _GUARD_SOURCE,
    ),
    AlertClass(
        "password-spray-network",
        "One network tries a few passwords on many accounts",
        "{tries} failed tries on {accounts} accounts from {prefix}",
        Severity.HIGH,
        _NETWORK,
        _SPREAD,
        (_TARGETS, _SOURCE),
        ("T1110.003",),
        _GUARD_SOURCE,
    ),
    AlertClass(
        "slow-spray",
        "One source fails on account after account over a day",
        "{accounts} accounts failed from {ip} within a day, hardly any succeeded",
        Severity.MEDIUM,
        _SOURCE,
        _SLOW,
        (_TARGETS,),
        ("T1110.003",),
        _GUARD_SOURCE,
    ),
    AlertClass(
        "slow-spray-network",
        "One network fails on account after account over a day",
        "{accounts} accounts failed from {prefix} within a day, hardly any succeeded",
        Severity.MEDIUM,
        _NETWORK,
        _SLOW,
        (_TARGETS, _SOURCE),
        ("T1110.003",),
        _GUARD_SOURCE,
    ),
    AlertClass(
        "slow-spray-fingerprint",
        "One TLS client fails on account after account over a day",
        "{accounts} accounts failed from TLS client {device} within a day, hardly any succeeded",
        Severity.MEDIUM,
        _FINGERPRINT,
        _SLOW,
        (_TARGETS, _SOURCE),
        ("T1110.003",),
        _GUARD_SOURCE,
    ),
    AlertClass(
        "credential-stuffing",
        "One source tries leaked pairs of names and passwords",
        "{tries} failed tries on {accounts} accounts from {ip}, one or two each",
        Severity.HIGH,
        _SOURCE,
        _SPREAD,
        (_TARGETS,),
        ("T1110.004",),
        _FIND_LEAK,
    ),
    AlertClass(
        "credential-stuffing-network",
        "One network tries leaked pairs of names and passwords",
        "{tries} failed tries on {accounts} accounts from {prefix}, one or two each",
        Severity.HIGH,
        _NETWORK,
        _SPREAD,
        (_TARGETS, _SOURCE),
        ("T1110.004",),
        _FIND_LEAK,
    ),
    AlertClass(
        "distributed-spray",
        "Many accounts fail a little from everywhere",
        "{tries} scattered failed tries on {accounts} accounts from {sources} sources within an hour",
        Severity.HIGH,
        _TENANT,
        (_TRIES, _ACCOUNTS, _SOURCES),
        (_SOURCE, _TARGETS),
        ("T1110.003",),
        (
            "Look for what the tries share: client, user agent, TLS fingerprint, hosting networks.",
            "Demand a challenge at login for that shape.",
            "List successes of the tried accounts from new places.",
        ),
    ),
    AlertClass(
        "client-secret-guessing",
        "The secret of a client is guessed at",
        "{tries} failed authentications of client {client} from {sources} sources",
        Severity.MEDIUM,
        _CLIENT,
        (_TRIES, _SOURCES),
        (_SOURCE,),
        ("T1110.001",),
        (
            "Look for a success of this client after the tries.",
            "Rotate the secret, or move the client to private_key_jwt or mTLS.",
            "Allow the client from its known networks only.",
        ),
    ),
    AlertClass(
        "mfa-fatigue",
        "Somebody who knows the password keeps asking for approval",
        "{denials} second factors of {user} were denied",
        Severity.HIGH,
        _VICTIM,
        (Metric("denials", Unit.COUNT),),
        (_SOURCE,),
        ("T1621",),
        (
            "The password is known to somebody else: reset it.",
            "If a prompt was approved, end the sessions and revoke the tokens issued since.",
            "Turn on number matching.",
        ),
        revoke="session",
    ),
    AlertClass(
        "token-probing",
        "One source presents token after token",
        "{failed} tokens were refused from {ip}, {tokens} ids, {reasons} reasons",
        Severity.MEDIUM,
        _SOURCE,
        _PROBE,
        (_TOKENS,),
        ("T1550.001",),
        _PROBED,
    ),
    AlertClass(
        "token-probing-network",
        "One network presents token after token",
        "{failed} tokens were refused from {prefix}, {tokens} ids, {reasons} reasons",
        Severity.MEDIUM,
        _NETWORK,
        _PROBE,
        (_TOKENS, _SOURCE),
        ("T1550.001",),
        _PROBED,
    ),
    AlertClass(
        "key-rotation",
        "Tokens of one key are refused everywhere",
        "{failed} tokens of key {key} were refused from {sources} sources",
        Severity.LOW,
        _KEY,
        (_FAILED, _SOURCES),
        (),
        (),
        (
            "See whether the key was rotated or withdrawn while its tokens were still valid.",
            "Let resource servers fetch the key set again.",
            "If no such key was ever published, these are forgeries: treat it as token probing.",
        ),
    ),
    AlertClass(
        "stale-credential",
        "A service retries a credential that no longer works",
        "{tries} evenly spaced failures of {user}",
        Severity.LOW,
        _VICTIM,
        (_TRIES, _SOURCES),
        (_SOURCE,),
        (),
        _STALE,
    ),
    AlertClass(
        "stale-client-secret",
        "A client retries a secret that no longer works",
        "{tries} evenly spaced failures of client {client}",
        Severity.LOW,
        _CLIENT,
        (_TRIES, _SOURCES),
        (_SOURCE,),
        (),
        _STALE,
    ),
    AlertClass(
        "source-burst",
        "One source fails often",
        "{failed} failures from {ip}",
        Severity.MEDIUM,
        _SOURCE,
        (_FAILED,),
        (),
        ("T1110",),
        _GUARD_SOURCE,
    ),
)
