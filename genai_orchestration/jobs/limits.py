"""What holds for submissions to one provider, from its settings and its balance.

[sources.<provider>_source]  credits_per_day, credits_per_month, balance_floor, in_flight
[sources.<provider>_source.campaigns]  <campaign> = credits, all in all
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from genai_orchestration.jobs.budget import Balance, Budget, Limits
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.refusals import ProviderError, WrongSetting
from genai_orchestration.providers.sources import setting
from genai_orchestration.providers.work import Submitter


def budget_of(provider: Provider, campaigns: Iterable[str | None] = ()) -> Budget:
    """The provider's configured caps, and those of the campaigns; WrongSetting in words."""
    caps = {
        name: cap
        for name in campaigns
        if name and (cap := _credits(provider, f"campaigns.{name}")) is not None
    }
    return Budget(
        per_day=_credits(provider, "credits_per_day"),
        per_month=_credits(provider, "credits_per_month"),
        campaigns=caps,
        floor=_credits(provider, "balance_floor"),
    )


def limits_of(
    provider: Provider,
    submitter: Submitter,
    campaigns: Iterable[str | None],
    now: datetime,
) -> Limits:
    """All limits that hold now; the balance is asked for where a floor makes it matter."""
    budget = budget_of(provider, campaigns)
    in_flight = _credits(provider, "in_flight")
    return Limits(
        address=submitter.address,
        budget=budget,
        in_flight=provider.in_flight if in_flight is None else in_flight,
        posts_per_second=provider.posts_per_second,
        balance=_balance(submitter, now) if budget.floor is not None else None,
    )


def _balance(submitter: Submitter, now: datetime) -> Balance | None:
    """The balance now; None where it cannot be known, which the floor then refuses."""
    try:
        credits = submitter.balance()
    except ProviderError:
        return None
    return None if credits is None else Balance(credits=credits, asked_at=now)


def _credits(provider: Provider, name: str) -> int | None:
    """A whole number that is not below zero; WrongSetting for anything else."""
    value: Any = setting(provider, name)
    if value is None or value == "":
        return None
    try:
        number = int(str(value).replace("_", ""))
    except ValueError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise WrongSetting(
            f"{name} {str(value)[:40]!r} is not a whole number from 0: set it in "
            f"[sources.{provider.section}]."
        )
    return number
