"""format-policy: readable access tokens for clients that are to get opaque ones."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import LOW, MEDIUM, SURE, UNSURE, Array, report
from detectors.kernels import Record, kernel
from detectors.policy.servers import CLIENT, OTHERS, valid
from detectors.tables import Table, TableView, upsert
from detectors.texts import among
from detectors.tokens import token_types
from detectors.views import Views
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity, TokenFormat, TokenType, code

FORBIDDEN, UNHEARD_OF = range(2)
"""Positions in `classes`."""
_MEMORY: Final = timedelta(days=30)


class FormatPolicy(Detector):
    """Finds JWTs of clients whose access tokens are opaque, by policy or by habit.

    Claim:
        The issuer gives this client more than it should know, or somebody made the token who is not the issuer.

    Why it matters:
        Opaque tokens are chosen so that clients and their logs learn nothing and every revocation counts at once. A JWT
        undoes both. And where a server takes both formats, a forger needs only the JWT.

    Fires when:
        An access token of a client in `opaque_clients` is a readable JWT (`jws`) and is issued or good: medium. Without
        such a policy: the first JWT of a client whose access tokens were all opaque for `learning`: low.

    Stays quiet when:
        The client gets both formats: some issuers choose by audience. The token is refused, encrypted, or no access
        token: ID tokens are JWTs by definition.

    Blind spots:
        Sources that do not log the format. Clients that had a JWT before, unless they are in `opaque_clients`. Habits
        that rested for 30 days.

    Formula:
        token_type = access and token_format = jws and (client_id ∈ opaque_clients; or first opaque token at least
        `learning` ago and no JWT since).

    Parameters:
        `opaque_clients`: ids of clients that must get opaque access tokens. `learning`: how long a habit takes.

    Example:
        >>> FormatPolicy(opaque_clients={"kiosk"}).opaque_clients
        frozenset({'kiosk'})

    Next steps:
        Ask the owner of the issuer whether the format was changed on purpose. If it was not issued, it is forged.

    References:
        RFC 9068 section 6 (what JWT access tokens tell). RFC 7662 (introspection of opaque ones). MITRE ATT&CK T1606.
    """

    type: ClassVar[str] = "format-policy"
    title: ClassVar[str] = "JWT instead of an opaque token"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("client_id",)
    needs: ClassVar[tuple[str, ...]] = ("client_id", "token_format", "issued_type")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="jwt-against-policy",
            title="JWT for a client that is to get opaque tokens",
            summary="{client} has a JWT as access token, against its policy.",
            severity=Severity.MEDIUM,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1606",),
            advice=("Find out whether the issuer gave it out; if not, it is forged.", "Set the format at the issuer."),
        ),
        AlertClass(
            name="first-jwt",
            title="First JWT of a client with opaque tokens",
            summary="{client} has a JWT as access token; all before it were opaque.",
            severity=Severity.LOW,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1606",),
            advice=("Find out whether the issuer gave it out; if not, it is forged.",),
        ),
    )
    warm_up: ClassVar[timedelta] = timedelta(days=7)
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc9068#section-6",)
    false_positives: ClassVar[tuple[str, ...]] = ("An issuer that was moved to JWTs on purpose",)

    opaque_clients: frozenset[str] = Field(
        frozenset(),
        description="Ids of clients that must get opaque access tokens.",
        examples=[frozenset({"app-acme-0"})],
    )
    learning: timedelta = Field(
        timedelta(days=7), ge=timedelta(days=1), le=timedelta(days=14), description="How long a habit takes."
    )

    def new_state(self) -> State:
        """Give the empty state: since when each client has opaque tokens, and whether it had a JWT."""
        return {"formats": Table([("since", np.int64), ("jwt", np.bool_)], ttl=micros(_MEMORY))}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check one batch."""
        formats = events["token_format"]
        opaque, jwt = formats == code(TokenFormat.OPAQUE), formats == code(TokenFormat.JWS)
        access = valid(events) & (token_types(events) == code(TokenType.ACCESS)) & (events["client_id"] != 0)
        rows = np.flatnonzero((opaque | jwt) & access)
        first = self._first(events, rows, jwt[rows], state)
        forbidden = jwt[rows] & among(events, rows, "client_id", self.opaque_clients)
        rows, forbidden = rows[first | forbidden], forbidden[first | forbidden]
        findings = report(
            events,
            rows,
            "client_id",
            severity=np.where(forbidden, MEDIUM, LOW),
            confidence=np.where(forbidden, SURE, UNSURE),
            alert_class=np.where(forbidden, FORBIDDEN, UNHEARD_OF),
        )
        return Findings.of(self.type, findings)

    def _first(self, events: Events, rows: Array, jwt: Array, state: State) -> Array:
        """Tell of each row whether it is the first JWT of a client that is used to opaque tokens, bool (m,)."""
        found = np.zeros(len(rows), np.bool_)
        if len(rows):
            times = events["order_time"][rows]
            view = Views(state, int(times[0])).table("formats", len(rows))
            _note(view, events["client_id"][rows], times, jwt, micros(self.learning), found)
        return found


@kernel
def _note(
    formats: TableView,
    clients: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int64],
    jwt: npt.NDArray[np.bool_],
    learning: int,
    found: npt.NDArray[np.bool_],
) -> None:
    for i in range(clients.size):
        row: Record = formats.rows[upsert(formats, clients[i], times[i])]
        if jwt[i]:
            found[i] = not row.jwt and row.since != 0 and times[i] - row.since >= learning
            row.jwt = True
        elif row.since == 0:
            row.since = times[i]
