"""token-type-confusion: tokens of one kind where another kind belongs."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State
from detectors.findings import LIKELY, LOW, MEDIUM, SURE, report
from detectors.policy.servers import CLIENT, OTHERS, at_server, presented, valid
from detectors.texts import among, coded
from detectors.tokens import token_types
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Reason, Severity, TokenType, code

_FORGED: Final = [code(reason) for reason in (Reason.BAD_SIGNATURE, Reason.UNKNOWN_KEY, Reason.MALFORMED)]
"""Reasons after which nothing in the token is more than a claim."""
ID_TOKEN, REFRESH_TOKEN, REFUSED = range(3)
"""Positions in `classes`."""


class TokenTypeConfusion(Detector):
    """Finds ID tokens and refresh tokens at resource servers.

    Claim:
        The server does not check what kind of token it gets, or the client sends the wrong one.

    Why it matters:
        An ID token says who signed in, to the client; it is shown to many and carries no permission for an API. A
        refresh token is for the authorization server alone: at another server it is in one more place to be stolen.

    Fires when:
        A resource server accepts an ID token or a refresh token: medium; refuses one: low. The type is what the event
        says, or else the issue of the token. One alert for each client and resource server.

    Stays quiet when:
        No resource server is named: a client verifies its own ID tokens, and the authorization server gets refresh
        tokens. The server is one of `authorization_servers`. The signature of a refused token was wrong: its client is
        only claimed.

    Blind spots:
        Tokens whose type neither the event nor a seen issue tells. Events without a client.

    Formula:
        token_type ∈ {id, refresh} and resource_server is known, operation verify, authenticate or unknown.

    Parameters:
        `authorization_servers`: names under which authorization servers and their endpoints (introspection, user info)
        appear as `resource_server`.

    Example:
        >>> TokenTypeConfusion(authorization_servers={"idp"}).authorization_servers
        frozenset({'idp'})

    Next steps:
        Have the server check `typ` (at+jwt) and `aud`. Have the client send its access token.

    References:
        RFC 8725 sections 2.8, 3.11 and 3.12. RFC 9068 section 4. RFC 6749 section 1.5. MITRE ATT&CK T1550.001.
    """

    type: ClassVar[str] = "token-type-confusion"
    title: ClassVar[str] = "Wrong kind of token"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE, EventType.VERIFY_FAILURE})
    keys: ClassVar[tuple[str, ...]] = ("client_id",)
    needs: ClassVar[tuple[str, ...]] = ("client_id", "resource_server", "issued_type")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="id-token-accepted",
            title="ID token accepted by an API",
            summary="An API accepted an ID token of {client}.",
            severity=Severity.MEDIUM,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1550.001",),
            advice=("Have the API accept access tokens only: check `typ` and `aud`.",),
        ),
        AlertClass(
            name="refresh-token-accepted",
            title="Refresh token accepted by an API",
            summary="An API accepted a refresh token of {client}.",
            severity=Severity.MEDIUM,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1550.001",),
            advice=(
                "Have the API accept access tokens only: check `typ` and `aud`.",
                "Revoke the refresh tokens that the API saw.",
            ),
        ),
        AlertClass(
            name="wrong-token-refused",
            title="Wrong kind of token sent to an API",
            summary="An API refused an ID token or a refresh token of {client}.",
            severity=Severity.LOW,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1550.001",),
            advice=("Have the client send its access token.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc8725#section-2.8",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "An API that stands for the client itself and takes its ID tokens by design",
        "Introspection or user info endpoints that are logged as resource servers",
    )

    authorization_servers: frozenset[str] = Field(
        frozenset(), description="Resource servers that are none.", examples=[frozenset({"api-0"})]
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        types = token_types(events)
        refresh = types == code(TokenType.REFRESH)
        wrong = (refresh | (types == code(TokenType.ID))) & presented(events) & (events["client_id"] != 0)
        good = valid(events)
        wrong &= ~np.isin(events["reason"], _FORGED) | good
        rows = coded(events, np.flatnonzero(wrong), "resource_server").rows
        rows = rows[~among(events, rows, "resource_server", self.authorization_servers)]
        said = np.where(good[rows], np.where(refresh[rows], REFRESH_TOKEN, ID_TOKEN), REFUSED)
        findings = report(
            events,
            rows,
            "client_id",
            severity=np.where(good[rows], MEDIUM, LOW),
            confidence=np.where(events["token_type"][rows] >= 0, SURE, LIKELY),
            alert_class=said,
        )
        findings["related"][:, 0] = events["issue_event"][rows]
        return Findings.of(self.type, at_server(events, findings))
