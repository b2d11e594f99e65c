"""token-in-url: tokens that travel in a query string or a fragment."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State
from detectors.findings import LOW, MEDIUM, SURE, report
from detectors.policy.servers import CLIENT, OTHERS, at_server, valid
from detectors.texts import among
from detectors.tokens import long_lived, token_types
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity, TokenLocation, code


class TokenInUrl(Detector):
    """Finds clients that put tokens into URLs.

    Claim:
        The tokens of this client are written down where others read them.

    Why it matters:
        URLs end up in access logs, browser histories, bookmarks and `Referer` headers. Whoever reads one of those has
        the token.

    Fires when:
        A token that is good travels in the query or the fragment: low; a refresh token or an API key: medium, since its
        copy works for long. One alert for each client and resource server.

    Stays quiet when:
        The place is a header, a cookie or the body, or unknown. The token is refused: anybody may send anything. The
        client is one of `allowed_clients`.

    Blind spots:
        Events that name no client, or not where the token was.

    Formula:
        token_location ∈ {query, fragment}.

    Parameters:
        `allowed_clients`: ids of clients that may, such as one that makes links for a single download.

    Example:
        >>> TokenInUrl(allowed_clients={"downloads"}).allowed_clients
        frozenset({'downloads'})

    Next steps:
        Move the token into the `Authorization` header. Look for it in the logs of the server and its proxies.

    References:
        RFC 6750 sections 2.3 and 5.3. RFC 9700 sections 2.1.2 and 4.3.2. MITRE ATT&CK T1528.
    """

    type: ClassVar[str] = "token-in-url"
    title: ClassVar[str] = "Token in a URL"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("client_id",)
    needs: ClassVar[tuple[str, ...]] = ("client_id", "token_location", "issued_type")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="token-in-url",
            title="Token in a URL",
            summary="{client} passes tokens in URLs.",
            severity=Severity.LOW,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1528",),
            advice=("Have the client send the token in a header.", "Find and erase the URLs in logs and histories."),
        ),
        AlertClass(
            name="long-lived-token-in-url",
            title="Refresh token or API key in a URL",
            summary="{client} passes refresh tokens or API keys in URLs.",
            severity=Severity.MEDIUM,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1528",),
            advice=(
                "Replace the refresh tokens and API keys that were sent: their copies in logs still work.",
                "Have the client send them in a header or the body.",
            ),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2",)
    false_positives: ClassVar[tuple[str, ...]] = ("Links for a single download, valid for minutes",)

    allowed_clients: frozenset[str] = Field(
        frozenset(), description="Ids of clients that may pass tokens in URLs.", examples=[frozenset({"app-acme-0"})]
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        location = events["token_location"]
        in_url = (location == code(TokenLocation.QUERY)) | (location == code(TokenLocation.FRAGMENT))
        if not in_url.any():
            return Findings.empty(self.type)
        rows = np.flatnonzero(in_url & valid(events) & (events["client_id"] != 0))
        rows = rows[~among(events, rows, "client_id", self.allowed_clients)]
        lasting = long_lived(token_types(events)[rows])
        severity = np.where(lasting, MEDIUM, LOW)
        findings = report(events, rows, "client_id", severity=severity, confidence=SURE, alert_class=lasting)
        return Findings.of(self.type, at_server(events, findings))
