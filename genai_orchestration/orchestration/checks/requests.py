"""Asset checks of paid requests: they read the ledger, and (the balance) the warehouse.

    <provider>/<operation>   no_unknown_requests, budget, no_stuck_jobs
    <provider>/credits       balance_matches_ledger

What is asked is gathered here; what it means is decided in `submission/audit.py`.
"""

import functools
from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from genai_orchestration import clock
from genai_orchestration.doors.markup import as_text
from genai_orchestration.errors import UserError
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.states import OPEN
from genai_orchestration.providers.work import Operation
from genai_orchestration.settings import Settings
from genai_orchestration.submission import audit
from genai_orchestration.submission.audit import SpentCap, Verdict
from genai_orchestration.submission.evidence import balance_looks
from genai_orchestration.submission.limits import budget_of

UNKNOWN = "no_unknown_requests"
BUDGET = "budget"
STUCK = "no_stuck_jobs"
BALANCE = "balance_matches_ledger"
DESCRIPTIONS = {
    UNKNOWN: "Of every request that was sent it is known whether the provider has taken it.",
    BUDGET: "Less than 80 percent of each cap of a day, a month and a campaign is spent.",
    STUCK: "No job is open for longer than its kind should be, or is soon forgotten.",
}


def request_checks(provider: Provider) -> list[dg.AssetChecksDefinition]:
    """The checks of a provider's paid operations, and of its balance."""
    operations = [_operation_checks(provider, operation) for operation in provider.operations]
    return [
        *operations,
        *([_balance_check(provider, provider.balance_table)] if provider.balance_table else []),
    ]


def _operation_checks(provider: Provider, operation: Operation) -> dg.AssetChecksDefinition:
    key = asset_key(provider, operation.name)
    specs = [
        dg.AssetCheckSpec(name, asset=key, description=description)
        for name, description in DESCRIPTIONS.items()
    ]

    @dg.multi_asset_check(
        name=f"{provider.name}_{operation.name}_checks", specs=specs, can_subset=True
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for each in sorted(context.selected_asset_check_keys):
            verdict = functools.partial(_VERDICTS[each.name], provider, operation)
            yield _result(each.asset_key, each.name, verdict)

    return check


def _balance_check(provider: Provider, table: Table) -> dg.AssetChecksDefinition:
    key = asset_key(provider, table.name)

    @dg.asset_check(
        asset=key,
        name=BALANCE,
        pool=provider.name,  # as the loads: it reads the warehouse
        description="Between two readings the balance lost what the ledger says was charged.",
    )
    def check() -> dg.AssetCheckResult:
        return _result(key, BALANCE, functools.partial(_balance, provider, table))

    return check


def _result(
    key: dg.AssetKey, name: str, verdict_of: Callable[[Settings], Verdict]
) -> dg.AssetCheckResult:
    """The verdict as Dagster's; a ledger or a setting that is at fault fails the check, in words.

    Not the run: what it has loaded or submitted is there.
    """
    try:
        verdict = verdict_of(Settings.load())
    except UserError as error:
        verdict = Verdict(False, f"It could not be checked. {error}")
    severity = dg.AssetCheckSeverity.ERROR if verdict.grave else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=verdict.passed,
        severity=severity,
        description=as_text(verdict.description),
    )


def _unknown(provider: Provider, operation: Operation, settings: Settings) -> Verdict:
    with Ledger.open(settings) as ledger:
        open_ = ledger.requests(
            provider=provider.name,
            operation=operation.name,
            states=[RequestState.UNKNOWN, RequestState.SUBMITTING],
        )
    return audit.no_unknown(open_, clock.now())


def _budget(provider: Provider, operation: Operation, settings: Settings) -> Verdict:
    """All caps of the provider: its operations share them."""
    now = clock.now()
    with Ledger.open(settings) as ledger:
        budget = budget_of(provider, ledger.campaigns(provider.name))
        usage = ledger.usage(provider.name, now)
        campaigns = {
            name: ledger.usage(provider.name, now, campaign=name).campaign
            for name in budget.campaigns
        }
    found = (
        ("credits_per_day", budget.per_day, usage.day),
        ("credits_per_month", budget.per_month, usage.month),
        *((f"campaigns.{name}", cap, campaigns[name]) for name, cap in budget.campaigns.items()),
    )
    return audit.within_budget(
        [
            SpentCap(setting=setting, credits=cap, spent=spent)
            for setting, cap, spent in found
            if cap is not None
        ]
    )


def _stuck(provider: Provider, operation: Operation, settings: Settings) -> Verdict:
    kind = provider.job_kind(operation.job_kind)
    with Ledger.open(settings) as ledger:
        jobs = ledger.jobs(provider=provider.name, kind=kind.name, states=OPEN)
    mine = [job for job in jobs if job.operation in (operation.name, None)]
    return audit.no_stuck(mine, kind, clock.now())


def _balance(provider: Provider, table: Table, settings: Settings) -> Verdict:
    found = balance_looks(provider, table, settings, "ORDER BY read_at DESC LIMIT 2")
    if len(found) < 2:
        return Verdict(True, "The balance was read once; the next reading can be compared.")
    after, before = found
    with Ledger.open(settings) as ledger:
        spent = ledger.spent_between(provider.name, before.at, after.at)
    return audit.balance_matches(provider.name, before, after, spent)


_VERDICTS: Mapping[str, Callable[[Provider, Operation, Settings], Verdict]] = {
    UNKNOWN: _unknown,
    BUDGET: _budget,
    STUCK: _stuck,
}
