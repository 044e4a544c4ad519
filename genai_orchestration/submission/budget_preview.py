"""What the budget lets through of requests that are approved or planned, before any is started.

    caps (settings) ─┐
    spent (ledger)   ├─► Allowance: what is left of each cap, and how many requests still fit
    prices ──────────┘

Each is let through, or not, by the `refusal` that decides when it is started; but a balance's
floor, places in flight and other processes are only known then. Pure.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genai_orchestration.ledger.budget import UNPRICED, Limits, Usage, is_local, refusal


@dataclass(frozen=True)
class Asked:
    """A request that wants some of the budget."""

    campaign: str | None
    credits: int | None  # None where nobody publishes the price
    approved: bool


@dataclass(frozen=True)
class CapPreview:
    """One cap: what it is for, the setting that it is, and what is spent or reserved of it."""

    of: str  # "a day"
    setting: str  # "credits_per_day"
    credits: int
    spent: int

    @property
    def left(self) -> int:
        """What may still be spent."""
        return max(0, self.credits - self.spent)


@dataclass(frozen=True, kw_only=True)
class BudgetPreview:
    """How many of some requests there are, what they cost, and how many the caps let through."""

    requests: int
    credits: int
    fit: int


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What one provider's budget allows."""

    provider: str
    caps: tuple[CapPreview, ...]
    floor: int | None  # checked when a request is started
    local: bool  # an address of this computer, where caps are not needed
    approved: BudgetPreview
    planned: BudgetPreview
    why_not: str | None  # why the first that does not fit does not


def allowance(
    provider: str,
    asked: Sequence[Asked],
    limits: Limits,
    usage: Usage,
    campaigns: Mapping[str, int],
) -> Allowance:
    """What the limits let through of `asked`, those that are approved first.

    `usage` is the provider's, and `campaigns` what is spent of the campaigns that have a cap.
    """
    # without a floor, which the balance at the start of each decides
    caps = Limits(base_url=limits.base_url, budget=dataclasses.replace(limits.budget, floor=None))
    spent, of = Counter({"day": usage.day, "month": usage.month}), Counter(campaigns)
    fit: Counter[bool] = Counter()
    why_not: str | None = None
    for each in sorted(asked, key=lambda request: not request.approved):
        price = UNPRICED if each.credits is None else each.credits
        now = Usage(day=spent["day"], month=spent["month"], campaign=of[each.campaign or ""])
        refused = refusal(provider, each.campaign, price, caps, now)
        if refused:
            why_not = why_not or str(refused)
            continue
        fit[each.approved] += 1
        spent.update({"day": price, "month": price})
        of[each.campaign or ""] += price
    return Allowance(
        provider=provider,
        caps=tuple(_caps(limits, usage, campaigns)),
        floor=limits.budget.floor,
        local=is_local(limits.base_url),
        approved=_fit([each for each in asked if each.approved], fit[True]),
        planned=_fit([each for each in asked if not each.approved], fit[False]),
        why_not=why_not,
    )


def _caps(limits: Limits, usage: Usage, campaigns: Mapping[str, int]) -> list[CapPreview]:
    budget = limits.budget
    caps = [
        ("a day", "credits_per_day", budget.per_day, usage.day),
        ("a month", "credits_per_month", budget.per_month, usage.month),
        *(
            (f"campaign {name}", f"campaigns.{name}", cap, campaigns.get(name, 0))
            for name, cap in sorted(budget.campaigns.items())
        ),
    ]
    return [CapPreview(of, name, cap, spent) for of, name, cap, spent in caps if cap is not None]


def _fit(asked: Sequence[Asked], fit: int) -> BudgetPreview:
    return BudgetPreview(
        requests=len(asked), credits=sum(each.credits or 0 for each in asked), fit=fit
    )
