"""What holds for submissions to one provider, from its settings and its balance.

[sources.<provider>_source]  credits_per_day, credits_per_month, balance_floor, in_flight
[sources.<provider>_source.campaigns]  <campaign> = credits, all in all
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from genai_orchestration.ledger.budget import Balance, Budget, Limits
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.refusals import ProviderError, WrongSetting
from genai_orchestration.providers.sources import setting
from genai_orchestration.providers.work import Submitter
from genai_orchestration.requests.request import canonical_campaign


def budget_of(provider: Provider, campaigns: Iterable[str | None] = ()) -> Budget:
    """The provider's configured caps, and those of the campaigns; WrongSetting in words."""
    known = _campaigns(provider)
    caps = {}
    for name in filter(None, campaigns):
        # by its full name: the environment has no tables, and wins; by the table: a name has dots
        full = setting(provider, f"campaigns.{name}")
        cap = _whole(provider, f"campaigns.{name}", known.get(name) if full is None else full)
        if cap is not None:
            caps[name] = cap
    return Budget(
        per_day=_credits(provider, "credits_per_day"),
        per_month=_credits(provider, "credits_per_month"),
        campaigns=caps,
        floor=_credits(provider, "balance_floor"),
    )


def _campaigns(provider: Provider) -> Mapping[str | None, Any]:
    """The table of caps, by the campaigns' canonical names; WrongSetting in words."""
    table = setting(provider, "campaigns") or {}
    if not isinstance(table, Mapping):
        raise WrongSetting(
            f"campaigns is no table of names and credits: write it like campaigns.winter = 100 in "
            f"[sources.{provider.section}]."
        )
    known: dict[str | None, Any] = {}
    for name, cap in table.items():
        canonical = canonical_campaign(str(name))
        if canonical in known:
            raise WrongSetting(
                f"[sources.{provider.section}.campaigns] names {canonical!r} twice, in other "
                "letters: give it one cap."
            )
        known[canonical] = cap
    return known


def limits_of(
    provider: Provider,
    submitter: Submitter,
    campaigns: Iterable[str | None],
    now: datetime,
) -> Limits:
    """All limits that hold now; the balance is asked for where a floor makes it matter."""
    budget = budget_of(provider, campaigns)
    return Limits(
        base_url=submitter.base_url,
        budget=budget,
        in_flight=in_flight_of(provider),
        posts_per_second=provider.posts_per_second,
        balance=_balance(submitter, now) if budget.floor is not None else None,
    )


def in_flight_of(provider: Provider) -> int | None:
    """How many of the provider's jobs may run at once; None for any number."""
    in_flight = _whole(provider, "in_flight", setting(provider, "in_flight"), least=1)
    return provider.in_flight if in_flight is None else in_flight


def _balance(submitter: Submitter, now: datetime) -> Balance | None:
    """The balance now; None where it cannot be known, which the floor then refuses."""
    try:
        credits = submitter.balance()
    except ProviderError:
        return None
    return None if credits is None else Balance(credits=credits, asked_at=now)


def _credits(provider: Provider, name: str) -> int | None:
    return _whole(provider, name, setting(provider, name))


def _whole(provider: Provider, name: str, value: object, *, least: int = 0) -> int | None:
    """A whole number, not too low; None when it is not set; WrongSetting for anything else."""
    if value is None or value == "":
        return None
    try:
        number = int(str(value).replace("_", ""))
    except ValueError:
        number = -1
    if number < least or isinstance(value, bool):
        raise WrongSetting(
            f"{name} {str(value)[:40]!r} is not a whole number from {least}: set it in "
            f"[sources.{provider.section}]."
        )
    return number
