"""Abyssale's generation requests, asked after one by one, for the 7 days that they are kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from genai_orchestration.providers.abyssale.api import (
    Gone,
    account_of,
    connect,
    credit_pools,
    generation,
)
from genai_orchestration.providers.abyssale.operations import CREDITS_PER_FORMAT
from genai_orchestration.providers.base import Account, JobHistoryQuery
from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.refusals import NotFound, fit_message
from genai_orchestration.providers.states import Failure, JobState, failure_in
from genai_orchestration.providers.work import JobKind, JobReport, Polling

KIND = "generation_request"
POLLING = Polling(  # the SDK asks after 3 s, at most every 30 s, and gives up after 30 minutes
    medians={"generation_requests": timedelta(seconds=4)},
    shortest=timedelta(seconds=2),  # the SDK's, too
    ceiling=timedelta(seconds=30),
    deadline=timedelta(minutes=30),
    stuck_interval=timedelta(hours=1),
)
KEPT = timedelta(days=7)
MISFIT = (
    ": Element "  # how the reason begins, after the format, that a layer's content does not fit
)


@dataclass(frozen=True)
class GenerationReader:
    """Asks after generation requests; a `JobReader`."""

    client: ReadClient

    @property
    def base_url(self) -> str:
        """The server that is asked."""
        return self.client.base_url

    def account(self) -> str | None:
        """The company that the key is of."""
        return account_of(self.client)

    def report(self, job_id: str) -> JobReport:
        """The request now; after 7 days Abyssale has forgotten it, and it is GONE."""
        try:
            body = self.client.read(f"generation-request/{job_id}", shape=generation)
            return report_of(self.client.redact(body))
        except Gone:
            return JobReport(state=JobState.GONE, raw="gone")
        except NotFound:  # also the answer of a wrong address, where credits are not found either
            self.client.read("credits", shape=credit_pools)
            return JobReport(state=JobState.GONE, raw="not found")


def report_of(body: Mapping[str, Any]) -> JobReport:
    """What a request says of itself: succeeded or partial with banners, failed without any.

    Its credits are counted from its banners, at the assumed price: Abyssale does not publish them.
    """
    if not body.get("is_finalized"):
        return JobReport(state=JobState.RUNNING, raw="running")
    banners, errors = body.get("banners") or [], body.get("errors") or []
    reasons = [_reason(error) for error in errors] or ["no banner, and no reason given"]
    return JobReport(
        state=JobState.SUCCEEDED if banners else JobState.FAILED,
        raw="failed" if not banners else "partial" if errors else "succeeded",
        charged=CREDITS_PER_FORMAT * len(banners),
        failure=None if banners else failure_of(reasons),
        error="; ".join(reasons) if errors or not banners else None,
        record={"banners": banners, "errors": errors},
    )


def failure_of(reasons: Sequence[str]) -> Failure:
    """Why no format could be rendered: by what it should show, or by a fault of Abyssale's."""
    if all(MISFIT in each for each in reasons):
        return Failure.INVALID
    return failure_in(" ".join(reasons)) or Failure.PROVIDER_FAULT


def _reason(error: object) -> str:
    if not isinstance(error, Mapping):
        return fit_message(str(error))
    message = fit_message(str(error.get("reason") or "no reason given"))
    return f"{error.get('template_format_name') or 'all'}: {message}"


def generation_requests(account: Callable[[], Account]) -> JobKind:
    """Generation requests of the configured workspace."""
    return JobKind(
        name=KIND,
        noun="generation requests",
        connect=lambda policy: GenerationReader(
            connect(account().api_key, account().base_url, policy)
        ),
        polling=POLLING,
        sensor="abyssale_generations_sensor",
        tables=("file",),
        lasts=KEPT,
    )


# A request has no table of its own jobs, but its banners have one; a banner that is only named in
# the configuration is a row of its own, with nothing known of how it came to be.
LOADED = JobHistoryQuery(
    tables=("file",),
    select=f"""
        SELECT CASE WHEN generation_request_id IS NULL THEN 'banner' ELSE '{KIND}' END AS kind,
               COALESCE(generation_request_id, id) AS job_id, MIN(request_key) AS ref,
               CAST(NULL AS TEXT) AS prompt, 'SUCCEEDED' AS state,
               CAST(NULL AS TIMESTAMPTZ) AS created_at, CAST(NULL AS TIMESTAMPTZ) AS finished_at,
               CAST(NULL AS BIGINT) AS credits, MIN(CAST(file AS TEXT)) AS address,
               CAST(NULL AS TEXT) AS error_text
        FROM file GROUP BY 1, 2""",  # noqa: S608 own names
)
