"""`genai requests submit`: sends what is approved, provider by provider, as the assets do.

approved, or unknown ─► its provider ─► submission.submit ─► what was done, and why not the rest
a provider without either is not connected to; one without a key says so, and the next goes on
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.cli.requests.filters import Filters, as_json, filters, open_ledger
from genai_orchestration.cli.requests.groups import requests
from genai_orchestration.cli.requests.output import plain, print_json
from genai_orchestration.errors import UserError, some_of

if TYPE_CHECKING:
    from genai_orchestration.ledger import Ledger
    from genai_orchestration.ledger.states import RequestState
    from genai_orchestration.providers.base import Provider
    from genai_orchestration.submission.post import SubmissionResult
    from genai_orchestration.submission.stopping import Stop

INTERRUPTED = 130  # the exit code after Ctrl-C, as of any program
KEYS_SHOWN = 5  # keys that are listed
STOPPING = "\nStopping after the request that is on its way. Ctrl-C again stops at once.\n"


@dataclass(kw_only=True)
class Sent:
    """What became of one provider's requests, and what kept the rest."""

    provider: "Provider"
    result: "SubmissionResult"
    reasons: Mapping[str, int]
    undecided: int = 0  # unknown since an earlier pass
    on_their_way: int = 0  # of another process, or of one that has died

    @property
    def whole(self) -> bool:
        """Whether all that was approved is submitted."""
        result = self.result
        return not (result.rejected or result.unknown or result.waiting or self.reasons)


@requests.command()
@filters
@click.option("--no-wait", is_flag=True, help="Do not wait for a place in flight.")
@click.option(
    "--wait",
    "minutes",
    type=click.FloatRange(min=0),
    help="Minutes without any job ending, until waiting for a place is given up.  [default: 15]",
)
@as_json
def submit(chosen: Filters, no_wait: bool, minutes: float | None, as_json: bool) -> None:
    """Send what is approved: each request once, within the budget and the places in flight.

    THIS SPENDS CREDITS. Requests that are unknown are looked up first, where the provider can be
    asked. It is safe to run again, and beside others.

    Ctrl-C is safe: the request that is on its way is finished and written down, and the rest
    stays approved. A second Ctrl-C stops at once; what was on its way is unknown then.

    Exit code 0: all that was approved is submitted. 1: something was rejected, is unknown or
    stays approved; the reasons are printed. 130: Ctrl-C.
    """
    if no_wait and minutes is not None:
        raise click.UsageError("Give either --no-wait or --wait.")
    from genai_orchestration.submission.stopping import Stop
    from genai_orchestration.submission.submit import PLACE_TIMEOUT

    given = 0 if no_wait else minutes
    patience = PLACE_TIMEOUT if given is None else timedelta(minutes=given)
    whole, some = True, False
    with open_ledger() as ledger, Stop(STOPPING).listening() as stop:
        for provider in _concerned(ledger, chosen):
            sent = _send(ledger, provider, chosen, patience, stop)
            whole, some = whole and sent.whole, True
            _print(sent, as_json=as_json)
            if stop.asked:
                raise click.exceptions.Exit(INTERRUPTED)
    if not some and not as_json:
        click.echo("Nothing is approved: genai requests plan shows what is planned.")
    if not whole:
        raise click.exceptions.Exit(1)


def _concerned(ledger: "Ledger", chosen: Filters) -> "Iterator[Provider]":
    """The providers that have something to send, or to look up."""
    from genai_orchestration.ledger.states import RequestState
    from genai_orchestration.providers import all_providers

    for provider in all_providers():
        if provider.submitter is None or chosen.provider not in (None, provider.name):
            continue
        states = _states(ledger, provider, chosen)
        if {RequestState.APPROVED, RequestState.SUBMITTING, RequestState.UNKNOWN} & set(states):
            yield provider


def _send(
    ledger: "Ledger", provider: "Provider", chosen: Filters, patience: timedelta, stop: "Stop"
) -> Sent:
    """One pass over the provider's approved requests, to its end, its trouble, or Ctrl-C."""
    from genai_orchestration.cli.requests.progress import progress_of
    from genai_orchestration.ledger.states import RequestState
    from genai_orchestration.submission.post import SubmissionResult
    from genai_orchestration.submission.stopping import STOPPED, StoppableSubmitter, Stopped
    from genai_orchestration.submission.submit import SubmissionRun

    run: SubmissionRun | None = None
    submitter: StoppableSubmitter | None = None
    trouble: list[str] = []
    assert provider.submitter
    approved = _states(ledger, provider, chosen)[RequestState.APPROVED]
    with progress_of(provider.title, approved) as sent:
        try:
            submitter = StoppableSubmitter(provider.submitter(), stop, ledger, sent)
            run = SubmissionRun(
                ledger=ledger,
                provider=provider,
                submitter=submitter,
                patience=patience,
                sleep=submitter.sleep,
            )
            run.submit(chosen.operation, chosen.campaign)
        except (Stopped, KeyboardInterrupt):
            trouble.append(STOPPED)
        except UserError as error:
            trouble.append(str(error))
    result = run.result if run else SubmissionResult()
    if submitter and submitter.on_its_way:
        _note_unknown(ledger, submitter.on_its_way, result)
    states = _states(ledger, provider, chosen)
    result.waiting = states[RequestState.APPROVED]
    return Sent(
        provider=provider,
        result=result,
        reasons=_reasons(ledger, result, trouble),
        undecided=states[RequestState.UNKNOWN] - len(result.unknown),
        on_their_way=states[RequestState.SUBMITTING],
    )


def _note_unknown(ledger: "Ledger", key: str, result: "SubmissionResult") -> None:
    """The request that Ctrl-C has cut off, or kept from being looked up."""
    from genai_orchestration.ledger.states import RequestState

    known = (*result.submitted, *result.rejected, *result.unknown)
    if key not in known and ledger.request(key).state is RequestState.UNKNOWN:
        result.unknown.append(key)


def _states(
    ledger: "Ledger", provider: "Provider", chosen: Filters
) -> "Mapping[RequestState, int]":
    """How many of the chosen requests are in each state."""
    return Counter(
        ledger.counts(provider=provider.name, operation=chosen.operation, campaign=chosen.campaign)
    )


def _reasons(
    ledger: "Ledger", result: "SubmissionResult", trouble: Sequence[str]
) -> Mapping[str, int]:
    """Each reason once, and for how many requests it is one."""
    reasons = Counter(trouble)
    for key in (*result.rejected, *result.unknown):
        reasons[ledger.request(key).error_text or "no reason given"] += 1
    for reason, count in result.reasons.items():
        # the account's refusal of a request is also why the rest stays approved, if there is a rest
        reasons[reason] = reasons[reason] + count if result.waiting else max(reasons[reason], 1)
    return reasons


def _print(sent: Sent, *, as_json: bool) -> None:
    result = sent.result
    if as_json:
        print_json(_as_json(sent))
        return
    click.echo(
        f"{sent.provider.title}: {len(result.submitted)} submitted, {len(result.rejected)} "
        f"rejected, {len(result.unknown)} unknown, {result.waiting} waiting."
    )
    for reason, count in sent.reasons.items():
        click.echo(f"  {f'{count} times: ' if count > 1 else ''}{plain(reason)}")
    if result.unknown:
        click.echo(
            f"  Unknown: {some_of(result.unknown, KEYS_SHOWN)}. genai requests show "
            f"{result.unknown[0]} shows what is known, and what to do."
        )
    if sent.undecided:
        click.echo(
            f"  {sent.undecided} from before are still unknown: genai requests list --state unknown"
        )
    if sent.on_their_way:
        click.echo(
            f"  {sent.on_their_way} are on their way, of another process, or of one that has died: "
            "without an answer they are unknown ten minutes after they were sent."
        )


def _as_json(sent: Sent) -> dict[str, Any]:
    result = sent.result
    return {
        "provider": sent.provider.name,
        "submitted": result.submitted,
        "rejected": result.rejected,
        "unknown": result.unknown,
        "waiting": result.waiting,
        "reasons": sent.reasons,
        "still_unknown": sent.undecided,
        "on_their_way": sent.on_their_way,
    }
