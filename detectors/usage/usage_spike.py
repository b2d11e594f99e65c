"""usage-spike: tokens, keys, users and clients that are used far more than they and their peers ever are."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.rates.memory import Rules
from detectors.rates.spikes import find_spikes, learn_rates, new_spikes
from detectors.usage.cards import CLASSES
from detectors.usage.uses import uses
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType


class UsageSpike(Detector):
    """Finds what is suddenly used far more than usual, and what is suddenly not used at all.

    Claim:
        Somebody else works with this token, key or client, or something has gone wrong with what does.

    Why it matters:
        A stolen credential is worth what can be fetched with it before it is noticed. Whatever the thief imitates, the
        calls come on top of the owner's own.

    Fires when:
        - token-spike, user-spike, client-spike, key-spike: in the last 60 s or 60 min there were at least 50 more uses
          than expected, at least 3 times as many, and so many that chance brings it about `false_findings_a_day`.
          Expected is the level of the entity itself, shrunk towards its peers; a stranger is held to what its peers do.
          Of token, user, client and key the narrowest is named that explains 80 % of the excess, or by its own rise so
          much that the rest is within the limit. Confidence is high once the entity itself is known for 7 active days.
        - common-cause (low): more than 10 % of the active peers, and at least 3, are half-way to their limits or beyond
          within 10 min. It stands in for the spikes of each.
        - key-silence (low): a known key rests for an hour, and twice as long as it ever did, while others are used; 50
          uses were missed by then, and chance would not miss them. Looked at every 10 min, for 4 hours.
        - baseline-shift of a user, client or key (low): 3 active days in a row brought at least twice the uses of the
          28-day level, and unusually many. The new level is adopted.

        Every further use while a limit is reached is a finding, so that an episode lasts as long as the spike.

    Stays quiet when:
        - the whole tenant is silent: its source is down, no key has stopped. Silence teaches no level either.
        - a new key takes over from one that dries up: it may use what that one leaves, and inherits its level.
        - another hour of the day or a weekend is busier: clients and keys have the rhythm of their client or tenant.
        - records stand for what happens to the key itself: create, rotate, disable, destroy, export and the like.
        - fewer than 24 key-hours of a dimension are known in the tenant.

    Blind spots:
        A thief who stays below three times the usual, or takes what the owner leaves. A spike within the first hour of
        a tenant is taken as usual. Who raises the use by little each day is seen as a baseline-shift only. A credential
        whose peers differ widely (one service in a hundred makes most calls) is judged leniently in its first days, and
        one that works in batches may take some ten of them a minute. A spike that hides in one with a common cause is
        low. Two attacks on keys of one client within an hour may be told as one.

    Formula:
        Volume = count / sample_rate, whole. The hour holds the running minute and the 59 before, the minute the running
        5 s and the 55 before: never a use that is older, and late records only where they happened.
        Hour: X is negative binomial with mean m = level · rhythm and variance m + φ m²; φ = 1 / (a + uses / D) + 0.05 +
        (D - 1) / m: doubt about the level, slack of any rate, clumping. D is the index of dispersion of its hours,
        mean of (x - m)² / m, mixed with its peers' by logarithms, half of each after 6 hours; days before it is known
        count half as much with every day. level = (a D + uses) / (a D / peers' mean + hours), a from the variance
        between peers; the lower of 7 and 28 active days counts. The memories are halved when they hold twice that, so
        that older days weigh half. Minute: m / 60, with the index of its minutes.
        Limit: least x ≥ max(m + 50, 3 m) with P(X ≥ x) ≤ q; q = false_findings_a_day / (1 464 windows a day · active
        peers), on what was logged where a source samples. Below m = 1 at least 50.
        Rhythm: mean uses by hour of the day, working day or weekend, neighbours mixed in 1 : 2 : 1, beside the mean
        hour; 20 days of memory, an hour teaches at most 3 times what was expected. Users and tokens have none.
        An hour that spiked teaches at most max(m + 50, 3 m) and nothing of its clumping. Of a tenant's
        first hour only the part counts that was seen. What is learnt of peers and rhythm within a UTC hour holds from
        the next one on.

    Parameters:
        `least_excess`, `least_ratio`, `false_findings_a_day`: all three set the limit. `explained_share`: who is named.
        `common_share`, `common_peers`: when nobody is. `warm_up_days`: when an entity counts as known; the shorter
        memory. `shift_days`, `silence`: see above. `hours_ahead`: local time, for days and weekends.

    Example:
        >>> UsageSpike(least_excess=200).least_ratio
        3.0

    Next steps:
        Compare who uses it now with who did before: addresses, user agents, endpoints. Ask the owner about jobs and
        releases. Revoke the token, or replace the key, if nobody can explain it.

    References:
        MITRE ATT&CK T1078. Efron and Morris, "Data Analysis Using Stein's Estimator" (1975). Jørgensen, "The Theory of
        Dispersion Models" (1997). DLMF 8.17.
    """

    type: ClassVar[str] = "usage-spike"
    title: ClassVar[str] = "Spike of use"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("key_id", "client_id", "sub", "token_id", "issuer_key")
    needs: ClassVar[tuple[str, ...]] = ("client_id",)
    classes: ClassVar[tuple[AlertClass, ...]] = CLASSES
    warm_up: ClassVar[timedelta] = timedelta(days=7)
    cool_down: ClassVar[timedelta] = timedelta(hours=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://attack.mitre.org/techniques/T1078/",
        "https://dlmf.nist.gov/8.17",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A new batch job, a migration or a load test",
        "A retry loop after a fault",
        "The first big run of something that rests for weeks",
    )

    least_excess: int = Field(50, ge=10, le=100_000, description="Least number of uses beyond the expected.")
    least_ratio: float = Field(3.0, ge=1.5, le=100, description="Least multiple of the expected.")
    false_findings_a_day: float = Field(
        0.01, ge=0.0001, le=10, description="Chance findings a day to aim at, for each dimension of a tenant."
    )
    explained_share: float = Field(
        0.8, ge=0.5, le=1, description="Share of an excess that a narrower entity has to explain."
    )
    common_share: float = Field(0.1, ge=0.01, le=1, description="Share of active peers that rise from a common cause.")
    common_peers: int = Field(3, ge=2, le=1_000, description="Least number of peers that rise from a common cause.")
    warm_up_days: int = Field(7, ge=1, le=28, description="Active days after which an entity counts as known.")
    shift_days: int = Field(3, ge=2, le=28, description="Active days in a row after which a new level is adopted.")
    silence: timedelta = Field(
        timedelta(hours=1), ge=timedelta(minutes=10), le=timedelta(hours=3), description="Least silence of a busy key."
    )
    hours_ahead: int = Field(0, ge=-12, le=14, description="Hours by which local clocks are ahead of UTC.")

    def new_state(self) -> State:
        """Give the empty state."""
        return new_spikes()

    def learn(self, events: Events, watermark: int, state: State) -> None:  # noqa: ARG002 - it has no timers
        """Learn what peers do, and the rhythm of clients and tenants."""
        learn_rates(uses(events), state, self.hours_ahead)

    def step(self, events: Events, watermark: int, state: State) -> Findings:
        """Check the uses of one batch, and the silences up to the watermark."""
        return Findings.of(self.type, find_spikes(uses(events), watermark, state, self._rules()))

    def _rules(self) -> Rules:
        return Rules(
            float(self.least_excess),
            self.least_ratio,
            self.false_findings_a_day,
            self.explained_share,
            self.common_share,
            self.common_peers,
            self.warm_up_days,
            self.shift_days,
            micros(self.silence),
            self.hours_ahead,
            places=False,
        )
