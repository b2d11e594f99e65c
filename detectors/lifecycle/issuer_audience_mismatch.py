"""issuer-audience-mismatch: tokens accepted by servers that they are not for."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from detectors.acts import used
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.findings import HIGH, LIKELY, LOW, MEDIUM, SURE, UNSURE, Array, report
from detectors.kernels import kernel
from detectors.recall import ASK, NOTE_FIRST, notes_table, paired, recall
from detectors.tables import Table
from detectors.texts import Coded, coded, word_keys
from detectors.windows import Window, WindowView, push
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Reason, Severity, code

ISSUER, AUDIENCE, REFUSED = range(3)
"""Positions in `classes`."""
_MEMORY: Final = timedelta(days=90)
_PERIOD: Final = timedelta(minutes=10)
_REASONS: Final = (code(Reason.ISSUER_MISMATCH), code(Reason.AUDIENCE_MISMATCH))
_CLIENT = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_OTHERS = (
    EntityField(EntityType.USER, "principal", EntityRole.VICTIM),
    EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET),
    EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
)


class IssuerAudienceMismatch(Detector):
    """Finds tokens that work where they should not: of another issuer, or for another server.

    Claim:
        A resource server does not check who issued a token and for whom; or somebody tries tokens elsewhere.

    Why it matters:
        A token for one server is sent to that server, which can use it at every other that does not look at `aud`. A
        server that does not look at `iss` takes tokens from anybody who has a key it trusts.

    Fires when:
        A token is used with success and its issuer is none of `issuers`: high. None of its audiences is one of
        `audiences`, or none is the server that took it, though that server took tokens that name it: medium. `burst`
        tokens of one client are refused within 10 min for issuer or audience: low.

    Stays quiet when:
        The lists are empty and the server was never seen to take a token that names it: audiences may be numbers or
        names of products. Issuer, audience or server are not logged. The client is not known.

    Blind spots:
        Servers that check nothing and whose tokens never name them. Servers on one host: only scheme-less host names
        are compared.

    Formula:
        name(x) = x without scheme and path, case folded; fires when name(resource_server) ∉ {name(a): a ∈ aud}.

    Parameters:
        `issuers`, `audiences`: the values that are fine; empty for any. `burst`: refused tokens of a client in 10 min.

    Example:
        >>> IssuerAudienceMismatch(issuers={"https://id.acme"}).burst
        20

    Next steps:
        Have the server compare `iss` and `aud` with its own settings. Ask what else the client's tokens reached.

    References:
        RFC 9068 section 4 and RFC 8725 sections 3.8 and 3.9 (checking issuer and audience). RFC 9700 section 2.3. MITRE
        ATT&CK T1550.001.
    """

    type: ClassVar[str] = "issuer-audience-mismatch"
    title: ClassVar[str] = "Token of another issuer or for another server"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE, EventType.VERIFY_FAILURE})
    keys: ClassVar[tuple[str, ...]] = ("client_id", "issuer_key")
    needs: ClassVar[tuple[str, ...]] = ("client_id",)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="issuer-not-allowed",
            title="Token of a foreign issuer accepted",
            summary="A server accepted a token of {client} whose issuer is not on the list.",
            severity=Severity.HIGH,
            entity=_CLIENT,
            others=_OTHERS,
            attack=("T1550.001",),
            advice=("Have the server accept its own issuers only.", "List what the tokens of that issuer reached."),
        ),
        AlertClass(
            name="audience-mismatch",
            title="Token for another server accepted",
            summary="A server accepted a token of {client} that is not for it.",
            severity=Severity.MEDIUM,
            entity=_CLIENT,
            others=_OTHERS,
            attack=("T1550.001",),
            advice=("Have the server compare `aud` with its own name.",),
        ),
        AlertClass(
            name="refused-for-issuer-or-audience",
            title="Tokens refused for issuer or audience",
            summary="{tokens} tokens of {client} were refused within minutes for their issuer or audience.",
            severity=Severity.LOW,
            entity=_CLIENT,
            others=_OTHERS,
            metrics=(Metric("tokens", Unit.COUNT),),
            attack=("T1550.001",),
            advice=("See whether the client was set up for another server, or somebody tries its tokens around.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc8725#section-3.9",
        "https://www.rfc-editor.org/rfc/rfc9068#section-4",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A gateway that takes tokens for the servers behind it, and is the audience of some itself",
        "A server that changes its name: both are fine for a while",
    )

    issuers: frozenset[str] = Field(
        frozenset(), description="Issuers that are fine.", examples=[frozenset({"https://id.acme"})]
    )
    audiences: frozenset[str] = Field(
        frozenset(), description="Audiences that are fine.", examples=[frozenset({"https://api-0.acme"})]
    )
    burst: int = Field(20, ge=2, le=1_000, description="Refused tokens of a client within 10 min.")

    def new_state(self) -> State:
        """Give the empty state: servers that took tokens which name them, and tokens refused of late."""
        return {"servers": notes_table(1, micros(_MEMORY)), "refused": Window(micros(_PERIOD))}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - events say all
        """Check one batch."""
        if not len(events):
            return Findings.empty(self.type)
        rows = np.flatnonzero(used(events) & (events["client_id"] != 0))
        foreign = self._foreign(events, rows)
        astray = self._astray(events, rows, cast("Table", state["servers"])) & ~foreign
        alien, lost = np.flatnonzero(foreign), np.flatnonzero(astray)
        found = [
            report(events, alien, "client_id", severity=HIGH, confidence=SURE, alert_class=ISSUER),
            report(events, lost, "client_id", severity=MEDIUM, confidence=LIKELY, alert_class=AUDIENCE),
            self._refused(events, cast("Window", state["refused"])),
        ]
        return Findings.of(self.type, np.concatenate(found))

    def _foreign(self, events: Events, rows: Array) -> Array:
        """Tell of each event, where it is one of some rows, whether its issuer is known and not on the list."""
        found = np.zeros(len(events), np.bool_)
        if self.issuers:
            issuers = coded(events, rows, "iss")
            found[issuers.rows[issuers.which(lambda value: value not in self.issuers)]] = True
        return found

    def _astray(self, events: Events, rows: Array, servers: Table) -> Array:
        """Tell of each event, where it is one of some rows, whether its token is known to be for somebody else."""
        audiences = coded(events, rows, "aud")
        found, listed, named = (np.zeros(len(events), np.bool_) for _ in range(3))
        found[audiences.rows] = bool(self.audiences)
        found[audiences.rows[audiences.which(lambda value: value in self.audiences)]] = False
        listed[audiences.rows] = True
        places = coded(events, rows[listed[rows]], "resource_server")
        names = np.zeros(len(events), np.uint64)
        names[places.rows] = _names(places)
        named[audiences.rows[_names(audiences) == names[audiences.rows]]] = True
        at = places.rows
        keys = paired(events["issuer_key"][at], names[at])
        modes = np.where(named[at], NOTE_FIRST, ASK).astype(np.int8)
        since, _ = recall(servers, keys, events["order_time"][at], np.zeros((len(at), 1), np.uint64), modes)
        found[at[(since != NULL_TIME) & ~named[at]]] = True
        return found

    def _refused(self, events: Events, window: Window) -> Array:
        failed = (events["type"] == code(EventType.VERIFY_FAILURE)) & np.isin(events["reason"], _REASONS)
        rows = np.flatnonzero(failed & (events["client_id"] != 0) & (events["token_id"] != 0))
        counts = np.zeros(len(rows), np.int64)
        clients, tokens, times = (events[name][rows] for name in ("client_id", "token_id", "order_time"))
        # Called for no rows as well, so that it is compiled before the first refusal.
        _count_tokens(window.view(len(rows), int(events["order_time"][0])), clients, tokens, times, counts)
        many = counts >= self.burst
        measured = [(counts[many], self.burst)]
        return report(
            events,
            rows[many],
            "client_id",
            severity=LOW,
            confidence=UNSURE,
            alert_class=REFUSED,
            measured=measured,
        )


def _names(texts: Coded) -> Array:
    """Give the name behind each text, as a key: without scheme and path, in small letters."""
    if not texts.values:
        return np.zeros(0, np.uint64)
    bare = [value.casefold().split("://", 1)[-1].split("/", 1)[0] for value in texts.values]
    return word_keys(bare)[texts.codes]


@kernel
def _count_tokens(
    window: WindowView,
    clients: npt.NDArray[np.uint64],
    tokens: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int64],
    out: npt.NDArray[np.int64],
) -> None:
    for i in range(clients.size):
        out[i] = window.counts.rows[push(window, clients[i], tokens[i], 1, times[i])].peers
