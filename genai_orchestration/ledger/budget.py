"""What may be spent and started, decided from sums; the ledger reads them in one transaction.

    Limits (settings, an address, the balance) ─┐
    Usage (sums of the ledger, read with its    ├─► refusal() ─► None, or why not, in a sentence
           writer's lock held)                  │
    the price of one request ───────────────────┘

Credits are the provider's own: those of two providers are never added up. A day and a month are
UTC calendar ones, of the moment at which the submission starts. No database here.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import urlsplit

from genai_orchestration.errors import UserError, counted

UNPRICED = 1  # credits that a request counts as where nobody publishes what it costs


class LimitExceeded(UserError):
    """A submission that may not start now; the request stays approved."""


class ConcurrencyLimitReached(LimitExceeded):
    """As many jobs as allowed are running: the next one starts when one of them ends."""


class RateLimitExceeded(LimitExceeded):
    """As many POSTs as allowed in a second are on their way: the next may leave in a moment."""


class BudgetSpent(LimitExceeded):
    """A cap or the balance's floor would be passed."""


class BudgetNotConfigured(LimitExceeded):
    """No cap is configured, and the address is not a local one."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A provider's caps, in its credits; None where there is none."""

    per_day: int | None = None
    per_month: int | None = None
    campaigns: Mapping[str, int] = field(default_factory=dict)  # campaign -> credits, all in all
    floor: int | None = None  # the balance that has to be left

    def caps(self, campaign: str | None) -> bool:
        """Whether a cap holds for a request of that campaign; a floor is no cap."""
        return self.per_day is not None or self.per_month is not None or campaign in self.campaigns


@dataclass(frozen=True, kw_only=True)
class Balance:
    """The credits that the provider said were left, and when it was asked."""

    credits: int
    asked_at: datetime


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What holds for submissions to one provider."""

    base_url: str  # where the POST goes
    account: str | None = None  # the provider's id of the account there; None: it names none
    budget: Budget = Budget()
    in_flight: int | None = None  # jobs that may run at once, of all processes
    posts_per_second: int | None = None  # of all processes
    balance: Balance | None = None  # None: not asked, or the provider does not publish it
    half_open_since: datetime | None = (
        None  # one at a time of what has begun after that; see circuit_breaker.py
    )

    def capped(self, campaign: str | None) -> bool:
        """Whether a cap bounds what a request of that campaign may cost, or nothing costs there."""
        return self.budget.caps(campaign) or is_local(self.base_url)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the ledger knows of a provider at one moment."""

    in_flight: int = 0
    begun: int = 0  # of what is in flight, after `half_open_since`
    posts: int = 0  # that may reach the server within this second
    day: int = 0  # credits, charged or reserved
    month: int = 0
    campaign: int = 0
    since_balance: int = 0  # credits that the balance may not have known of


def is_local(address: str) -> bool:
    """Whether the address is this computer's own, where nothing costs anything."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(
    provider: str, campaign: str | None, price: int, limits: Limits, usage: Usage
) -> LimitExceeded | None:
    """Why a request of that price may not start now; None when it may."""
    budget = limits.budget
    if not limits.capped(campaign):
        return _no_budget(provider, limits.base_url)
    if limits.in_flight is not None and usage.in_flight >= limits.in_flight:
        return ConcurrencyLimitReached(
            f"{provider} has {usage.in_flight} of the {counted(limits.in_flight, 'job')} in "
            "flight that it may have: the next one starts when one of them has ended."
        )
    if limits.half_open_since is not None and usage.begun:
        return ConcurrencyLimitReached(
            f"{provider} failed too often in a row, so one request at a time is tried, and one is "
            "on its way: wait for its end."
        )
    if limits.posts_per_second is not None and usage.posts >= limits.posts_per_second:
        return RateLimitExceeded(
            f"{provider} takes {counted(limits.posts_per_second, 'request')} a second."
        )
    caps = (
        ("a day", "credits_per_day", budget.per_day, usage.day),
        ("a month", "credits_per_month", budget.per_month, usage.month),
        _campaign_cap(campaign, budget, usage),
    )
    for what, name, cap, spent in caps:
        if cap is not None and spent + price > cap:
            return BudgetSpent(
                f"{provider} has a cap of {counted(cap, 'credit')} for {what}; {spent} are "
                f"spent or reserved, and this request takes {price}. Wait, or raise {name} in "
                f"[sources.{provider}_source]."
            )
    return _below_floor(provider, price, limits, usage)


def _campaign_cap(
    campaign: str | None, budget: Budget, usage: Usage
) -> tuple[str, str, int | None, int]:
    cap = None if campaign is None else budget.campaigns.get(campaign)
    return f"campaign {campaign}", f"campaigns.{campaign}", cap, usage.campaign


def _no_budget(provider: str, address: str) -> BudgetNotConfigured:
    section = f"sources.{provider}_source"
    variable = f"{section}.credits_per_day".upper().replace(".", "__")
    return BudgetNotConfigured(
        f"No cap is set for what {provider} may spend, and {address} is not a local address, so "
        f"nothing is submitted: set credits_per_day or credits_per_month in [{section}] of "
        f".dlt/config.toml, or {variable}."
    )


def _below_floor(provider: str, price: int, limits: Limits, usage: Usage) -> BudgetSpent | None:
    floor, balance = limits.budget.floor, limits.balance
    if floor is None:
        return None
    if balance is None:
        return BudgetSpent(
            f"{provider} has a floor of {counted(floor, 'credit')}, but its balance is not "
            f"known: correct what keeps it from being read, or remove "
            f"balance_floor in [sources.{provider}_source]."
        )
    left = balance.credits - usage.since_balance
    if left - price >= floor:
        return None
    return BudgetSpent(
        f"{provider} has {counted(left, 'credit')} left and a floor of {floor}; this request "
        f"takes {price}. Buy credits, or lower balance_floor in [sources.{provider}_source]."
    )


def day_of(now: datetime) -> datetime:
    """The beginning of the UTC day."""
    return now.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def month_of(now: datetime) -> datetime:
    """The beginning of the UTC month."""
    return day_of(now).replace(day=1)
