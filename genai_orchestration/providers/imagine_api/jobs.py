"""ImagineAPI's images, asked after by id: only for places in flight; loads follow them by day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from genai_orchestration.providers.base import Account, JobHistoryQuery
from genai_orchestration.providers.imagine_api.api import account_of, connect
from genai_orchestration.providers.imagine_api.client import ImageClient
from genai_orchestration.providers.imagine_api.listing import read_ids
from genai_orchestration.providers.imagine_api.tables import STATUSES
from genai_orchestration.providers.refusals import fit_message
from genai_orchestration.providers.states import Failure, JobState, failure_in
from genai_orchestration.providers.work import JobKind, JobReport, Payload, Polling, RowReconciler

KIND = "image"
POLLING = Polling(
    # Midjourney: 30 s in turbo, 60 s in fast mode
    medians={"images_create": timedelta(seconds=30)},
    ceiling=timedelta(seconds=30),
    deadline=timedelta(hours=1),  # once out of the queue an image is decided within 8 minutes
    stuck_interval=timedelta(hours=1),
)
TIMEOUT = "timeout "  # how the bot's own texts begin that say that it gave up


@dataclass(frozen=True)
class ImageReader:
    """Asks after images; a `JobReader`."""

    client: ImageClient

    @property
    def base_url(self) -> str:
        """The server that is asked."""
        return self.client.base_url

    def account(self) -> str | None:
        """The id of the key's user."""
        return account_of(self.client)

    def report(self, job_id: str) -> JobReport:
        """The image now; deleted, it is GONE: there is no 404 for records."""
        found = [image for page in read_ids(self.client, [job_id]) for image in page]
        if not found:
            return JobReport(state=JobState.GONE, raw="not found")
        return report_of(self.client.redact(found[0]))


def report_of(image: Mapping[str, Any]) -> JobReport:
    """What a record, or a row of `images`, says of its image."""
    word, error = str(image.get("status")), str(image.get("error") or "no reason given")
    state = STATUSES.get(word)
    if image.get("upscaled_urls") is not None:  # a late report: four pictures mean done
        state = JobState.SUCCEEDED
    failed = state is JobState.FAILED
    return JobReport(
        state=state,
        raw=word,
        failure=failure_of(error) if failed else None,
        error=fit_message(error) if failed else None,
    )


def is_of(image: Mapping[str, Any], payload: Payload) -> bool:
    """Whether an image is what the payload asked for, by its prompt; spaces do not count."""
    asked, made = str(payload.get("prompt")), str(image.get("prompt"))
    # half a surrogate is not kept by a server, and ours may have gone out as one
    whole = asked.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return made.split() in (asked.split(), whole.split())


def failure_of(error: str) -> Failure:
    """Why an image failed, by the text of its `error`; a fault of the provider's by default."""
    if error.lower().startswith(TIMEOUT):
        return Failure.TIMEOUT
    return failure_in(error) or Failure.PROVIDER_FAULT


def images(account: Callable[[], Account]) -> JobKind:
    """Images of the configured account."""
    return JobKind(
        name=KIND,
        noun="images",
        connect=lambda policy: ImageReader(connect(account().api_key, account().base_url, policy)),
        polling=POLLING,
        reconciler=RowReconciler(
            table="images",
            columns=("prompt", "status", "error", "upscaled_urls"),
            ref="ref",
            report=report_of,
            is_of=is_of,
        ),
    )


LOADED = JobHistoryQuery(
    tables=("images",),
    select=f"""
        SELECT '{KIND}' AS kind, id AS job_id, ref, prompt, state, date_created AS created_at,
               CAST(NULL AS TIMESTAMPTZ) AS finished_at, CAST(NULL AS BIGINT) AS credits,
               url AS address, CASE WHEN state = 'FAILED' THEN error END AS error_text
        FROM images""",  # noqa: S608 own names
    failure=failure_of,
)
