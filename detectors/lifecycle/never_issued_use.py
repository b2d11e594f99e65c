"""never-issued-use: an access token is accepted whose id nobody ever issued."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from detectors.acts import minted, signed, used
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit
from detectors.lifecycle.coverage import FOREVER, clients_table, cohorts_table, crowds_table, places_table
from detectors.lifecycle.strangers import ACT, HELD, ISSUED, KNOWN, UNKNOWN, Memory, ids_table, watch
from detectors.texts import among
from detectors.tokens import other_hands
from detectors.views import Views
from schemas.columns import NULL_TIME
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, IpRole, Severity, TokenType, code

_CLIENT = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
_KINDS = 16


class NeverIssuedUse(Detector):
    """Finds access tokens that are accepted though they were never issued.

    Claim:
        Somebody signs tokens with the issuer's key, or found another way to make tokens that are accepted.

    Why it matters:
        Who holds the key is everybody: no login, no second factor, no trace at the issuer but that there is none.

    Fires when:
        An access token is used for the first time, no issue of its id is seen by the end of the wait, and its subject
        was never seen on this network: medium, high with one of `privileged_scopes`; critical from three such ids a
        day on. The same for ids from the subjects' own networks where three or more, and over 5 % of the network's
        ids, lack their issue. Each later use of such a token fires at once. Lost ids beyond 0.1 % on ten or more
        networks that are their subjects' own are one coverage-gap: the issuer's log has a hole.

    Stays quiet when:
        The cohort (client, token type, kind of id) is not armed. The token can be older than the log of issues, than
        the register's memory of seven days, than the client's last outage (no issue for over 10 min and twice its
        longest pause) or gap. An issue got lost: up to 0.1 % do. The issue comes late.

    Blind spots:
        Forged tokens that carry the id of an issued one. Sources without token ids, without issues or without networks;
        clients with few tokens. Few forged tokens used from networks of their own subjects. An early `iat` where the
        client also gets tokens without `exp` or with a life over seven days. Whoever is already at it when the log
        begins, until the networks are known.

    Formula:
        Armed: in a day ≥ `least_ids` first-seen ids matched, ≥ 99.9 % of those whose subject is at home on the network;
        until a gap, or seven days too few ids. What strangers use does not count: forged tokens do not disarm.
        Wait: max(10 min, p99.9 of the lateness of the client's issues), doubled steps of 10 min.
        Earliest issue of a token = max(`iat`, use - longest life of the client's tokens).
        At home: the subject got or used an issued token there within 30 days; for servers and tokens without a subject:
        the client did. Network: ASN, else /24 or /48.

    Parameters:
        `least_ids`: arms a cohort. `privileged_scopes`: scopes that make a single token high.

    Example:
        >>> NeverIssuedUse(privileged_scopes={"admin"}).least_ids
        1000

    Next steps:
        Compare the token's `kid` with the signatures of that key. If nobody at the issuer knows the token, take the
        key out of the JWKS, and list what the tokens reached.

    References:
        MITRE ATT&CK T1606. RFC 9068 section 2.2 (`jti`, `iat`). NIST SP 800-57 part 1 section 5.5 (compromised keys).
    """

    type: ClassVar[str] = "never-issued-use"
    title: ClassVar[str] = "Token used that was never issued"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("client_id", "sub", "token_id")
    needs: ClassVar[tuple[str, ...]] = ("client_id", "token_id", "issue_event", "first_use")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="never-issued",
            title="Accepted tokens that were never issued",
            summary="{client}: {ids} tokens that were never issued were accepted, one of them from {asn}.",
            severity=Severity.CRITICAL,
            entity=_CLIENT,
            others=(
                EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET),
                EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
                EntityField(EntityType.KEY, "key_id", EntityRole.TARGET),
                EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
            ),
            metrics=(Metric("ids", Unit.COUNT), Metric("asn", Unit.ASN)),
            attack=("T1606",),
            advice=(
                "Look for the signature of the token in the log of the signing key.",
                "If nobody knows it, replace the key and take the old one out of the JWKS.",
                "List what the tokens were used for.",
            ),
        ),
        AlertClass(
            name="coverage-gap",
            title="Issues are missing from the log",
            summary="{client}: {ids} tokens on {networks} networks have no issue, {share} of all. Forged tokens would "
            "not be seen until the log is whole again.",
            severity=Severity.LOW,
            entity=_CLIENT,
            metrics=(Metric("ids", Unit.COUNT), Metric("share", Unit.RATIO), Metric("networks", Unit.COUNT)),
            advice=(
                "Look for lost records between the issuer and tokentrail: dead letters, expired offsets, sampling.",
            ),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=24)
    references: ClassVar[tuple[str, ...]] = (
        "https://attack.mitre.org/techniques/T1606/",
        "https://www.rfc-editor.org/rfc/rfc9068#section-2.2",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A second token service of the client whose issues are not logged",
        "A lost issue of a token that is first used elsewhere than it was got",
    )

    least_ids: int = Field(1_000, ge=20, le=1_000_000, description="First-seen ids in a day that arm a cohort.")
    privileged_scopes: frozenset[str] = Field(
        frozenset({"admin"}), description="Scopes that make one token high.", examples=[frozenset({"write"})]
    )

    def new_state(self) -> State:
        """Give the empty state."""
        return {
            "clients": clients_table(),
            "cohorts": cohorts_table(),
            "places": places_table(),
            "crowds": crowds_table(),
            "ids": ids_table(),
        }

    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Check one batch, and give the verdicts that fall due."""
        acts = self._acts(events)
        if not len(acts) and not len(state["cohorts"]):
            return Findings.empty(self.type)
        n, views = len(acts), Views(state, int(acts["now"][0]) if len(acts) else watermark)
        memory = Memory(
            views.table("clients", n),
            views.table("cohorts", n),
            views.table("places", n),
            views.table("crowds", n),
            views.table("ids", n),
            np.empty(HELD, np.uint64),
            np.empty(HELD, np.int64),
        )
        out = np.zeros(2 * n + len(state["ids"]) + len(state["cohorts"]) + 1, FINDING)
        for name in ("observed", "threshold", "baseline"):
            out[name] = np.nan
        found = out[: watch(acts, watermark, memory, self.least_ids, out)]
        # Slots depend on what was swept when.
        return Findings.of(self.type, found[np.lexsort((found["related"][:, 0], found["entity"]))])

    def _acts(self, events: Events) -> npt.NDArray[Any]:
        """Give what the batch's events do, dtype `ACT`."""
        gives, strange, access = minted(events), events["issue_event"] == 0, _is_access(events)
        known = ((events["first_use"] == 1) | (events["same_asn"] == 0)) & ~strange & ~other_hands(events)
        uses = used(events) & ~signed(events) & access & (events["token_id"] != 0) & (strange | known)
        rows = np.flatnonzero((gives | uses) & (events["client_id"] != 0))
        acts = np.zeros(len(rows), ACT)
        acts["row"], acts["kind"] = rows, np.where(gives[rows], ISSUED, np.where(strange[rows], UNKNOWN, KNOWN))
        acts["first"] = events["first_use"][rows] == 1
        for name, column in _COPIED:
            acts[name] = events[column][rows]
        own = (acts["subject"] != 0) & (events["ip_role"][rows] != code(IpRole.SERVER))
        acts["subject"] = np.where(own, acts["subject"], acts["client"])
        acts["network"] = np.where(acts["asn"] > 0, acts["asn"].astype(np.uint64), events["prefix"][rows])
        acts["cohort"] = (events["token_type"][rows] + 1) * _KINDS + events["token_id_kind"][rows] + 1
        acts["life"] = np.where(
            access[rows] & (events["type"][rows] == code(EventType.ISSUE)), _lives(events, rows), -1
        )
        unknown = np.flatnonzero(acts["kind"] == UNKNOWN)
        acts["privileged"][unknown] = among(events, rows[unknown], "scope", self.privileged_scopes)
        return acts


_COPIED = (
    ("now", "order_time"),
    ("time", "time"),
    ("iat", "iat"),
    ("asn", "asn"),
    ("client", "client_id"),
    ("token", "token_id"),
    ("subject", "sub"),
    ("event", "event_key"),
)


def _is_access(events: Events) -> npt.NDArray[np.bool_]:
    """Tell of each event whether its token is an access token; what does not say is taken for one."""
    found: npt.NDArray[np.bool_] = np.isin(events["token_type"], (-1, code(TokenType.ACCESS)))
    return found


def _lives(events: Events, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give how long the tokens of some rows live, µs; `FOREVER` without `exp`."""
    time, iat, exp = (events[name][rows] for name in ("time", "iat", "exp"))
    begin = np.where(iat == NULL_TIME, time, iat)
    return np.where(exp == NULL_TIME, FOREVER, np.maximum(np.where(exp == NULL_TIME, begin, exp) - begin, 0))
