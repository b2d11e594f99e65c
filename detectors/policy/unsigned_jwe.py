"""unsigned-jwe: encrypted tokens without a signature that are taken for proof of who sent them."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State
from detectors.findings import LOW, MEDIUM, SURE, UNSURE, Array, report
from detectors.policy.servers import CLIENT, OTHERS, at_server, presented, valid
from detectors.texts import among, coded
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity, TokenFormat, code

_PUBLIC: Final = ("RSA", "ECDH-ES")
"""Beginnings of the algorithms for which the public key is enough to encrypt."""


class UnsignedJwe(Detector):
    """Finds servers that believe an encrypted token because they could decrypt it.

    Claim:
        Anybody who has the server's public key can make tokens that this server accepts.

    Why it matters:
        Encryption to a public key hides the content and says nothing of its author. Only a signature inside the
        encryption does.

    Fires when:
        A token in the format `jwe`, without a JWS inside, is accepted, and its `alg` encrypts to a public key (RSA*,
        ECDH-ES*): medium; its `alg` is unknown: low. One alert for each client and resource server.

    Stays quiet when:
        The token is `nested`: signed, then encrypted. The key is shared (`dir`, A*KW, PBES2): whoever has it is one of
        the two. The token is refused. The resource server is one of `allowed_resource_servers`.

    Blind spots:
        Sources that say `jwe` of nested tokens, or nothing of the format. Servers that decrypt a nested token and do
        not verify what is inside. Events that name no client.

    Formula:
        token_format = jwe and alg ∈ {RSA*, ECDH-ES*, unknown}.

    Parameters:
        `allowed_resource_servers`: servers that know the sender otherwise, such as by mutual TLS.

    Example:
        >>> UnsignedJwe(allowed_resource_servers={"ledger"}).allowed_resource_servers
        frozenset({'ledger'})

    Next steps:
        Have the issuer sign before it encrypts, and the server refuse what is not signed inside.

    References:
        RFC 8725 sections 2.3 and 3.3. RFC 7519 section 11.2 (sign, then encrypt). RFC 7518 section 4.1 (`alg` of JWE).
        MITRE ATT&CK T1606.
    """

    type: ClassVar[str] = "unsigned-jwe"
    title: ClassVar[str] = "Encrypted token without signature"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("client_id",)
    needs: ClassVar[tuple[str, ...]] = ("client_id", "token_format", "alg")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="unsigned-jwe-accepted",
            title="Encrypted token without signature accepted",
            summary="A token of {client} was believed because it was encrypted; nobody signed it.",
            severity=Severity.MEDIUM,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1606",),
            advice=(
                "Have the issuer sign tokens before it encrypts them.",
                "Have the server refuse tokens that are not signed inside.",
            ),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc8725#section-2.3",)
    false_positives: ClassVar[tuple[str, ...]] = ("A source that does not tell nested tokens from plain JWE",)

    allowed_resource_servers: frozenset[str] = Field(
        frozenset(), description="Names of servers that know the sender otherwise.", examples=[frozenset({"api-0"})]
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        encrypted = events["token_format"] == code(TokenFormat.JWE)
        if not encrypted.any():
            return Findings.empty(self.type)
        rows = np.flatnonzero(encrypted & presented(events) & valid(events) & (events["client_id"] != 0))
        rows = rows[~among(events, rows, "resource_server", self.allowed_resource_servers)]
        public, shared = _keys(events, rows)
        rows, public = rows[~shared], public[~shared]
        findings = report(
            events,
            rows,
            "client_id",
            severity=np.where(public, MEDIUM, LOW),
            confidence=np.where(public, SURE, UNSURE),
        )
        return Findings.of(self.type, at_server(events, findings))


def _keys(events: Events, rows: Array) -> tuple[Array, Array]:
    """Tell of each row whether its algorithm takes a public key, and whether it takes a shared one, bool (m,)."""
    algorithms = coded(events, rows, "alg")
    public = algorithms.which(lambda value: value.upper().startswith(_PUBLIC))
    known = np.isin(rows, algorithms.rows)
    takes_public = np.isin(rows, algorithms.rows[public])
    return takes_public, known & ~takes_public
