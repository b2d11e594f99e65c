"""cleartext-transport: tokens that travel without TLS."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State
from detectors.findings import LIKELY, LOW, MEDIUM, report
from detectors.policy.servers import CLIENT, OTHERS, at_server, valid
from detectors.texts import among
from detectors.tokens import long_lived, token_types
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity, Transport, code

_ADVICE = (
    "Close the port without TLS; a redirect comes too late, the token was sent already.",
    "If a proxy ends TLS before the server, have it logged, or name the server in `allowed_resource_servers`.",
)


class CleartextTransport(Detector):
    """Finds tokens that are sent over plain HTTP.

    Claim:
        Whoever sits on the path between this client and the server can read its tokens.

    Why it matters:
        A bearer token is all that it takes. Open wireless networks, proxies and captured traffic give it away.

    Fires when:
        A token that is good travels over `http`: low; a refresh token or an API key: medium, since its copy works for
        long. One alert for each client and resource server.

    Stays quiet when:
        The transport is `https` or `mtls`, or unknown. The token is refused: anybody may send anything. The server is
        one of `allowed_resource_servers`.

    Blind spots:
        Events that name no client. Servers behind a proxy that ends TLS log `http` for requests that were encrypted,
        or `https` for the whole path when the last part was not.

    Formula:
        transport = http.

    Parameters:
        `allowed_resource_servers`: names of servers that are reached over a protected path without TLS.

    Example:
        >>> CleartextTransport(allowed_resource_servers={"metrics"}).allowed_resource_servers
        frozenset({'metrics'})

    Next steps:
        Find out whether the log or the connection lacks TLS. Treat tokens that crossed an open path as known to others.

    References:
        RFC 6750 section 5.3. RFC 6749 section 10.3. MITRE ATT&CK T1040 (network sniffing), T1528.
    """

    type: ClassVar[str] = "cleartext-transport"
    title: ClassVar[str] = "Token sent without TLS"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("client_id",)
    needs: ClassVar[tuple[str, ...]] = ("client_id", "transport", "issued_type")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="token-without-tls",
            title="Token sent without TLS",
            summary="{client} sends tokens over plain HTTP.",
            severity=Severity.LOW,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1040",),
            advice=_ADVICE,
        ),
        AlertClass(
            name="long-lived-token-without-tls",
            title="Refresh token or API key sent without TLS",
            summary="{client} sends refresh tokens or API keys over plain HTTP.",
            severity=Severity.MEDIUM,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1040", "T1528"),
            advice=("Replace the refresh tokens and API keys that were sent.", *_ADVICE),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc6750#section-5.3",
        "https://attack.mitre.org/techniques/T1040/",
    )
    false_positives: ClassVar[tuple[str, ...]] = ("A proxy that ends TLS in front of the server that writes the log",)

    allowed_resource_servers: frozenset[str] = Field(
        frozenset(),
        description="Names of resource servers whose path is protected otherwise.",
        examples=[frozenset({"metrics"})],
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        plain = events["transport"] == code(Transport.HTTP)
        if not plain.any():
            return Findings.empty(self.type)
        rows = np.flatnonzero(plain & valid(events) & (events["client_id"] != 0))
        rows = rows[~among(events, rows, "resource_server", self.allowed_resource_servers)]
        lasting = long_lived(token_types(events)[rows])
        severity = np.where(lasting, MEDIUM, LOW)
        findings = report(events, rows, "client_id", severity=severity, confidence=LIKELY, alert_class=lasting)
        return Findings.of(self.type, at_server(events, findings))
