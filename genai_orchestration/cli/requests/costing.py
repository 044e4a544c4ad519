"""`genai requests plan`: what is planned would cost, what is wrong, what the budget allows."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.cli.requests.filters import Filters, as_json, filters, open_ledger
from genai_orchestration.cli.requests.groups import requests
from genai_orchestration.cli.requests.output import print_json
from genai_orchestration.cli.requests.planned import notes_of, planned_again
from genai_orchestration.clock import now
from genai_orchestration.errors import counted

if TYPE_CHECKING:
    from genai_orchestration.ledger import Ledger
    from genai_orchestration.ledger.records import RequestRecord
    from genai_orchestration.requests.plan import Cost, RequestPlan
    from genai_orchestration.submission.budget_preview import Allowance, Asked


@requests.command(name="plan")
@filters
@as_json
def show_plan(chosen: Filters, as_json: bool) -> None:
    """Show what the planned requests would cost, what is wrong, and what the budget allows.

    The budget is asked of the settings and of the ledger: what is approved comes first, then what
    is planned. Nobody is connected to.
    """
    from genai_orchestration.ledger.states import RequestState

    with open_ledger() as ledger:
        records = ledger.requests(
            provider=chosen.provider,
            operation=chosen.operation,
            campaign=chosen.campaign,
            states=[RequestState.PLANNED],
        )
        plan = planned_again(records)
        waiting = ledger.requests(provider=chosen.provider, states=[RequestState.APPROVED])
        allowances = _allowances(ledger, plan, waiting)
    if as_json:
        print_json(_as_json(plan, allowances))
        return
    for line in (*_costs(plan), *map("Note: {}".format, notes_of(plan)), *_budgets(allowances)):
        click.echo(line)


def _costs(plan: "RequestPlan") -> Iterable[str]:
    yield f"{counted(plan.count, 'planned request')}, {len(plan.sound)} without a mistake."
    yield from map(_cost, plan.costs)
    for keys in plan.duplicates:
        yield f"The same under {len(keys)} keys, and paid for each time: {', '.join(keys)}"
    for key, sentences in plan.mistakes.items():
        yield f"{key}: {' '.join(sentences)}"


def _cost(cost: "Cost") -> str:
    unpriced = f" and {cost.unpriced} without a published price" if cost.unpriced else ""
    return (
        f"{cost.provider} {cost.model}: {counted(cost.requests, 'request')}, "
        f"from {counted(cost.credits, 'credit')}{unpriced}"
    )


def _budgets(allowances: "Sequence[Allowance]") -> Iterable[str]:
    for each in allowances:
        for cap in each.caps:
            yield (
                f"{each.provider} may spend {counted(cap.credits, 'credit')} for {cap.of} "
                f"({cap.setting}): {cap.spent} are spent or reserved, {cap.left} are left."
            )
        if each.floor is not None:
            yield (
                f"{each.provider} keeps {counted(each.floor, 'credit')} (balance_floor): the "
                "balance is checked when a request is submitted."
            )
        if not each.caps and each.local:
            yield f"{each.provider} has a local address, and no cap: nothing limits it."
        yield (
            f"{each.provider}: {each.approved.fit} of {each.approved.requests} approved and "
            f"{each.planned.fit} of {counted(each.planned.requests, 'planned request')} fit."
        )
        if each.why_not:
            yield f"  The first that would not: {each.why_not}"


def _allowances(
    ledger: "Ledger", plan: "RequestPlan", waiting: "Sequence[RequestRecord]"
) -> "list[Allowance]":
    """By provider, what the budget lets through of what is approved, and then of the plan."""
    from genai_orchestration.submission.budget_preview import Asked

    asked: dict[str, list[Asked]] = {}
    for record in waiting:
        wish = Asked(record.campaign, record.price_estimate, approved=True)
        asked.setdefault(record.provider, []).append(wish)
    for each in plan.sound:
        wish = Asked(each.request.campaign, each.credits, approved=False)
        asked.setdefault(each.request.provider, []).append(wish)
    return [_allowance(ledger, name, asked[name]) for name in sorted(asked)]


def _allowance(ledger: "Ledger", name: str, asked: "Sequence[Asked]") -> "Allowance":
    from genai_orchestration.ledger.budget import Limits
    from genai_orchestration.providers import provider_named
    from genai_orchestration.providers.sources import base_url_of
    from genai_orchestration.submission.budget_preview import allowance
    from genai_orchestration.submission.limits import budget_of

    provider, moment = provider_named(name), now()
    budget = budget_of(provider, {each.campaign for each in asked})
    limits = Limits(base_url=base_url_of(provider), budget=budget)
    campaigns = {
        campaign: ledger.usage(name, moment, campaign=campaign).campaign
        for campaign in budget.campaigns
    }
    return allowance(name, asked, limits, ledger.usage(name, moment), campaigns)


def _as_json(plan: "RequestPlan", allowances: "Sequence[Allowance]") -> Mapping[str, Any]:
    return {
        "requests": plan.count,
        "sound": len(plan.sound),
        "costs": [dataclasses.asdict(cost) for cost in plan.costs],
        "credits": plan.credits,
        "duplicates": plan.duplicates,
        "mistakes": plan.mistakes,
        "notes": notes_of(plan),
        "budget": [_budget(each) for each in allowances],
    }


def _budget(allowance: "Allowance") -> dict[str, Any]:
    caps = [{**dataclasses.asdict(cap), "left": cap.left} for cap in allowance.caps]
    return {**dataclasses.asdict(allowance), "caps": caps}
