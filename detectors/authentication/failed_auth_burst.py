"""failed-auth-burst: names the attack behind failed authentications, and the success that may follow."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.authentication.accounts import AccountMemory, judge_accounts
from detectors.authentication.aftermath import (
    AftermathMemory,
    FailedRows,
    judge_successes,
    new_suspects,
)
from detectors.authentication.attempts import FAILURES, LOGIN, failures, meanings, stream
from detectors.authentication.bursts import judge_bursts
from detectors.authentication.cards import CLASSES
from detectors.authentication.contexts import new_contexts, recognise
from detectors.authentication.egress import count_successes
from detectors.authentication.paces import new_paces
from detectors.authentication.probes import ProbeMemory, judge_probes
from detectors.authentication.shapes import (
    DEFAULT_SHAPES,
    MAX_ACCOUNT_TRIES,
    MAX_SOURCE_TRIES,
    MAX_SUCCESSES,
    MAX_TENANT_TRIES,
    Limits,
    Shape,
    mask,
)
from detectors.authentication.sources import Backgrounds, SourceMemory, judge_sources
from detectors.authentication.tenants import TenantMemory, judge_tenants, new_peaks, new_tenants
from detectors.authentication.trails import new_trail
from detectors.authentication.verdicts import Array
from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import blank, said
from detectors.tables import Table
from detectors.views import Views
from detectors.windows import Window
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, code

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_PEOPLE_FORGOTTEN: Final = timedelta(days=60)

AccountTries = Annotated[int, Field(ge=2, le=MAX_ACCOUNT_TRIES)]
SourceTries = Annotated[int, Field(ge=2, le=256)]
Spread = Annotated[int, Field(ge=2, le=256)]
Share = Annotated[float, Field(gt=0, le=1)]
Span = Annotated[timedelta, Field(gt=timedelta(0), le=_DAY)]


class FailedAuthBurst(Detector):
    """Failed authentications, told apart by the shape they draw over accounts and sources.

    Claim:
        Somebody guesses, sprays, stuffs, prompts or probes; the class says which, and a later success says whether it
        worked.

    Why it matters:
        Each shape calls for another answer: one account is protected, one source blocked, a leaked list checked, a key
        set fetched again. A count alone gives the same alarm for all of them, and for a forgotten service as well.

    Fires when:
        - brute-force: 10 tries on one account from one source in 5 min, or 30 in 60 min from anywhere.
        - distributed-brute-force: 10 tries on one account in 30 min from 5 sources in 2 countries, 3 ASNs or 8 sources.
        - password-spray: one source, 5 accounts, 15 tries in 60 min, 60 % of the accounts with 2 to 6 tries.
        - credential-stuffing: one source, 15 accounts, 25 tries in 15 min, 80 % of the accounts with 1 or 2 tries.
        - slow-spray: one source, network or JA4, 10 accounts in 24 h, 80 % of all accounts seen there failing.
        - distributed-spray: a tenant, 8 accounts, 5 sources, 25 foreign tries in 60 min, over 3 times its usual hours.
          Foreign: from where its account was never accepted, and fewer accounts succeed than fail at the source.
        - client-secret-guessing: one client, 10 times invalid-client in 5 min.
        - mfa-fatigue: 5 denied second factors in 10 min; a login within `success_window` of them is critical.
        - token-probing: one source, 20 refused tokens in 5 min over 3 ids or reasons.
        - key-rotation: the same, but one key fails by signature from 3 sources: an operations matter.
        - stale-credential, stale-client-secret: guessing at the pace of a retry timer (CV of the intervals below 0.2,
          mean interval at least `steady_interval`), by a service, from few sources.
        - success-after-failures: password, code or implicit login within 180 min. From the attacking source critical
          (high behind a shared one); else of an attacked account high if ASN and device are new to it, informational
          if both are its own, medium in between.
        - source-burst (off by default): 10 failures of any reason of one source in 60 s.

        Every further event while a limit is reached is a finding, so that an episode lasts as long as the attack.
        The source shapes also hold for the network of the source (/24, /48) at 3 times the thresholds.

    Stays quiet when:
        - the reason is no try: authorization-pending, interaction-required, rate-limited, insufficient-scope. A locked
          account counts towards spread, not towards tries.
        - accounts or sources are unknown: nulls form no group.
        - the source is shared, that is, more principals succeed than fail there: thresholds triple and severity drops
          by one step, but it is never ignored.
        - tries come from a network and a device that the account was accepted on more than `success_window` ago, or
          from a source where as many accounts succeed as fail: distributed-spray does not count them.
        - the tenant's usual hours are not learned yet (`tenant_warm_up` to know its people, the same again for its
          hours, then from the next UTC midnight): only distributed-spray waits, the other shapes need no history.

    Blind spots:
        A source beyond 4 096 tries an hour names no new victims (it is in alarm itself). Guessing slower than 30 an
        hour and narrower than 5 sources. Retry timers of a service on more than 4 sources look like guessing. An
        attacker who guesses at a service at a steady pace of seconds looks stale: low, not silent. A spray behind an
        egress with fewer than a quarter failing accounts shows only at triple thresholds. A distributed spray from the
        victims' own providers with their user agents, where no device is logged, or slower than 25 tries an hour.

    Formula:
        Every window slides in event time and holds the tries t with now - t < span. Spread is the number of distinct
        accounts, sources, countries or ASNs in it. Tenant baseline: 95th percentile (nearest rank) of the peak of
        foreign tries in each UTC hour of the last 14 days, at most 5 tries of one source or account counted, hours
        winsorised at twice the baseline, those in alarm left out unless they are more than 24, fixed for a UTC day.
        CV = standard deviation / mean of the intervals.

    Parameters:
        Counts are tries or distinct keys, shares lie in (0, 1], durations are event time. `shapes` turns shapes on
        and off.

    Example:
        >>> FailedAuthBurst(brute_force_tries=20).type
        'failed-auth-burst'

    Next steps:
        Look for success-after-failures in the incident first; then protect the account or block the source.

    References:
        MITRE ATT&CK T1110.001, T1110.003, T1110.004, T1621, T1550.001; NIST SP 800-63B section 5.2.2; RFC 6749
        section 10.10; RFC 6819 section 4.4.3.1.
    """

    type: ClassVar[str] = "failed-auth-burst"
    title: ClassVar[str] = "Burst of failed authentications"
    kinds: ClassVar[frozenset[EventType]] = frozenset(
        (EventType.VERIFY_FAILURE, EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE)
    )
    keys: ClassVar[tuple[str, ...]] = (
        "principal",
        "source_ip",
        "prefix",
        "ja4",
        "client_id",
        "issuer_key",
        "key_id",
    )
    needs: ClassVar[tuple[str, ...]] = ("reason", "principal", "source_ip")
    classes: ClassVar[tuple[AlertClass, ...]] = CLASSES
    cool_down: ClassVar[timedelta] = 30 * _MINUTE
    references: ClassVar[tuple[str, ...]] = (
        "https://attack.mitre.org/techniques/T1110/",
        "https://attack.mitre.org/techniques/T1621/",
        "https://pages.nist.gov/800-63-3/sp800-63b.html",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A forced password reset of a whole company.",
        "A load test or a scanner of your own.",
        "A proxy that hides its clients' addresses.",
    )

    shapes: frozenset[Shape] = Field(
        DEFAULT_SHAPES, description="Shapes looked for.", examples=[frozenset(Shape), frozenset({Shape.SOURCE_BURST})]
    )
    burst_window: Span = Field(5 * _MINUTE, description="Of brute force, client secrets and token probing.")
    brute_force_tries: AccountTries = Field(10, description="On one account from one source in `burst_window`.")
    sustained_tries: AccountTries = Field(30, description="On one account in `hour_window`.")
    distributed_window: Span = Field(30 * _MINUTE, description="Of distributed brute force.")
    distributed_tries: AccountTries = Field(10, description="On one account in `distributed_window`.")
    distributed_sources: Spread = Field(5, description="Sources of a distributed brute force.")
    distributed_countries: Spread = Field(2, description="Countries that make it distributed.")
    distributed_asns: Spread = Field(3, description="ASNs that make it distributed.")
    distributed_ips: Spread = Field(8, description="Sources that make it distributed in one country and ASN.")
    hour_window: Span = Field(_HOUR, description="Of sustained guessing, password spray and distributed spray.")
    spray_accounts: Spread = Field(5, description="Accounts of one source in `hour_window`.")
    spray_tries: SourceTries = Field(15, description="Tries of one source in `hour_window`.")
    spray_share: Share = Field(0.6, description="Share of accounts with 2 to 6 tries.")
    stuffing_window: Span = Field(15 * _MINUTE, description="Of credential stuffing.")
    stuffing_accounts: Spread = Field(15, description="Accounts of one source in `stuffing_window`.")
    stuffing_tries: SourceTries = Field(25, description="Tries of one source in `stuffing_window`.")
    stuffing_share: Share = Field(0.8, description="Share of accounts with 1 or 2 tries.")
    slow_spray_window: Span = Field(_DAY, description="Of slow spray, and how long successes make a source shared.")
    slow_spray_accounts: Spread = Field(10, description="Accounts of one source, network or JA4.")
    slow_spray_share: Share = Field(0.8, description="Failing accounts among all accounts seen there.")
    tenant_accounts: Spread = Field(8, description="Accounts of a distributed spray.")
    tenant_sources: Spread = Field(5, description="Sources of a distributed spray.")
    tenant_tries: Annotated[int, Field(ge=2, le=MAX_TENANT_TRIES)] = Field(25, description="In `hour_window`.")
    tenant_ratio: Annotated[float, Field(ge=1, le=100)] = Field(
        3.0, description="Foreign tries over the tenant's 95th percentile."
    )
    tenant_warm_up: Annotated[timedelta, Field(ge=timedelta(0), le=14 * _DAY)] = Field(
        _DAY, description="To know a tenant's people; then again, for its usual hours."
    )
    client_tries: AccountTries = Field(10, description="Invalid-client of one client in `burst_window`.")
    denial_window: Span = Field(10 * _MINUTE, description="Of MFA fatigue.")
    denials: AccountTries = Field(5, description="Denied second factors in `denial_window`.")
    probes: SourceTries = Field(20, description="Refused tokens of one source in `burst_window`.")
    probe_spread: Spread = Field(3, description="Token ids or reasons of a probing source.")
    rotation_sources: Spread = Field(3, description="Sources of one failing key.")
    steady_cv: Annotated[float, Field(gt=0, le=1)] = Field(
        0.2, description="Coefficient of variation of a retry timer."
    )
    steady_interval: Span = Field(timedelta(seconds=5), description="Shortest mean interval of a retry timer.")
    shared_factor: Annotated[int, Field(ge=1, le=5)] = Field(3, description="Thresholds of a shared source.")
    network_factor: Annotated[int, Field(ge=1, le=3)] = Field(3, description="Thresholds of a network.")
    success_window: Span = Field(180 * _MINUTE, description="How long after an attack a success is suspicious.")
    source_burst_window: Span = Field(_MINUTE, description="Of source-burst.")
    source_burst_failures: SourceTries = Field(10, description="Failures of one source in `source_burst_window`.")

    def new_state(self) -> State:
        """Give the empty state."""
        burst, hour, day = micros(self.burst_window), micros(self.hour_window), micros(self.slow_spray_window)
        account, source, success = MAX_ACCOUNT_TRIES, MAX_SOURCE_TRIES, micros(self.success_window)
        return {
            "successes": Window(day, cap=MAX_SUCCESSES),
            "source_hour": Window(hour, cap=source),
            "source_burst": Window(micros(self.stuffing_window), cap=source),
            "source_day": Window(day, cap=source),
            "source_trail": new_trail(success),
            "probe_burst": Window(burst, cap=source),
            "probe_trail": new_trail(success),
            "account_burst": Window(burst, cap=account),
            "account_half": Window(micros(self.distributed_window), cap=account),
            "account_hour": Window(hour, cap=account),
            "account_denied": Window(micros(self.denial_window), cap=account),
            "account_pace": new_paces(hour),
            "account_trail": new_trail(success),
            "tenant_hour": Window(hour, cap=MAX_TENANT_TRIES),
            "tenant_peaks": new_peaks(),
            "tenants": new_tenants(),
            "suspects": new_suspects(success),
            "targets": Table([], ttl=success),
            "contexts": new_contexts(micros(_PEOPLE_FORGOTTEN)),
            "burst": Window(micros(self.source_burst_window), cap=source),
        }

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - it has no timers
        """Run the passes in the order in which they depend on each other; see `Detector.step`."""
        if not len(events):
            return Findings.empty(self.type)
        views = _Views(state, int(events["order_time"][0]))
        found = [*self._shapes(events, views), *self._source_bursts(events, views)]
        return Findings.of(self.type, np.concatenate([said(verdicts) for verdicts in found]))

    def _shapes(self, events: Events, views: _Views) -> list[Array]:
        meaning, limits, times = meanings(events), self._limits(), events["order_time"]
        failed, logins = np.flatnonzero(np.isin(meaning, FAILURES)), np.flatnonzero(meaning == LOGIN)
        rows, tries, m = stream(events, meaning), failures(events, meaning, failed), len(failed)
        succeeding, familiar = np.zeros((m, 3), np.int64), np.zeros(len(rows), np.int8)
        admitted, foreign = np.zeros(m, np.bool_), np.zeros(m, np.bool_)
        by_source, by_probe, by_account, by_tenant = (blank(failed, times[failed]) for _ in range(4))
        by_success = blank(logins, times[logins])
        recognise(rows, views.table("contexts", len(events)), limits.success_window, familiar)
        count_successes(rows, views.window("successes", 4 * len(events)), succeeding)
        known = Backgrounds(succeeding, familiar[failed])
        judge_sources(tries, known, views.sources(m), limits, by_source, admitted, foreign)
        judge_probes(tries, succeeding, views.probes(m), limits, by_probe)
        judge_accounts(tries, admitted, views.accounts(m), limits, by_account)
        judge_tenants(tries, foreign, views.tenants(m), limits, by_tenant)
        seen = FailedRows(tries, by_source, by_account, admitted)
        judge_successes(rows, familiar, seen, views.aftermath(m), limits, by_success)
        return [by_account, by_source, by_probe, by_tenant, by_success]

    def _source_bursts(self, events: Events, views: _Views) -> list[Array]:
        if Shape.SOURCE_BURST not in self.shapes:
            return []
        rows = np.flatnonzero(events["type"] == code(EventType.VERIFY_FAILURE))
        verdicts = blank(rows, events["order_time"][rows])
        window = views.window("burst", len(rows))
        judge_bursts(events["source_ip"][rows], events["count"][rows], window, self._limits(), verdicts)
        return [verdicts]

    def _limits(self) -> Limits:
        return Limits(
            mask(self.shapes),
            self.brute_force_tries,
            self.sustained_tries,
            self.distributed_tries,
            self.distributed_sources,
            self.distributed_countries,
            self.distributed_asns,
            self.distributed_ips,
            self.spray_accounts,
            self.spray_tries,
            self.spray_share,
            self.stuffing_accounts,
            self.stuffing_tries,
            self.stuffing_share,
            self.slow_spray_accounts,
            self.slow_spray_share,
            self.tenant_accounts,
            self.tenant_sources,
            self.tenant_tries,
            self.tenant_ratio,
            micros(self.tenant_warm_up),
            self.client_tries,
            self.denials,
            self.probes,
            self.probe_spread,
            self.rotation_sources,
            self.steady_cv,
            micros(self.steady_interval),
            self.shared_factor,
            self.network_factor,
            micros(self.success_window),
            self.source_burst_failures,
        )


class _Views(Views):
    """What each pass sees of the state, sized for its m failures and n events."""

    def sources(self, m: int) -> SourceMemory:
        return SourceMemory(
            self.window("source_hour", 2 * m),
            self.window("source_burst", 2 * m),
            self.window("source_day", 3 * m),
            self.table("source_trail", m),
        )

    def probes(self, m: int) -> ProbeMemory:
        return ProbeMemory(self.window("probe_burst", 5 * m), self.table("probe_trail", m))

    def accounts(self, m: int) -> AccountMemory:
        return AccountMemory(
            self.window("account_burst", m),
            self.window("account_half", 3 * m),
            self.window("account_hour", m),
            self.window("account_denied", m),
            self.table("account_pace", m),
        )

    def tenants(self, m: int) -> TenantMemory:
        return TenantMemory(
            self.window("tenant_hour", 2 * m), self.table("tenant_peaks", 2 * m), self.table("tenants", m)
        )

    def aftermath(self, m: int) -> AftermathMemory:
        return AftermathMemory(
            self.table("suspects", 2 * m),
            self.table("targets", 2 * m),
            self.table("account_trail", m),
        )
