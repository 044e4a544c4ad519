"""Abyssale's address, key, ceiling and errors, and the one question that tells of changes."""

import functools

import requests

from genai_orchestration.providers.http import PATIENT, Pace, RateLimit, ReadClient
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.refusals import (
    NotFound,
    OutOfCredits,
    ProviderError,
    RateLimited,
    WrongSetting,
)

REQUESTS_PER_SECOND = 10  # the gateway's ceiling over a whole workspace


class Gone(NotFound):
    """It was there, and Abyssale has forgotten it."""


def connect(api_key: str, base_url: str, pace: Pace = PATIENT) -> ReadClient:
    """A read client for the workspace of `api_key`, never above Abyssale's ceiling."""
    return ReadClient(
        title="Abyssale",
        section="abyssale_source",
        base_url=base_url,
        auth=KeyAuth("x-api-key", api_key),
        limit=_limit(api_key, base_url),
        classify=_classify,
        pace=pace,
    )


@functools.cache
def _limit(api_key: str, base_url: str) -> RateLimit:
    """One limit for all clients of this process: the ceiling is the workspace's, not a client's."""
    return RateLimit(REQUESTS_PER_SECOND)


def latest_change(client: ReadClient) -> tuple[int, int]:
    """How many designs there are, and the newest `updated_at` (Unix seconds): one small request.

    Together they move whenever a design is made, changed or deleted.
    """
    answer = client.get("designs", {"sort": "updated", "order": "desc", "page": 1, "per_page": 1})
    newest = client.parsed(answer)
    try:
        total = int(answer.headers.get("X-Total-Count", len(newest)))
        return total, int(newest[0]["updated_at"]) if newest else 0
    except (ValueError, TypeError, LookupError):
        raise WrongSetting(
            f"{client.title} answered JSON of another shape at {client.base_url}: that is not its "
            f"API. Check base_url in [sources.{client.section}]."
        ) from None


def _classify(answer: requests.Response, words: str) -> ProviderError | None:
    """Abyssale's 429 has three meanings, told apart by `id`."""
    try:
        code = answer.json()["id"]
    except (ValueError, LookupError, TypeError):
        return None
    if answer.status_code == 410:
        return Gone(f"Abyssale has forgotten it: {words} It keeps generation requests for 7 days.")
    if code == "feature_not_in_plan":
        return OutOfCredits(f"Abyssale refuses: {words} The workspace's plan does not include it.")
    if code == "rate_limit_exceeded":  # the gateway's 10 requests a second, without a Retry-After
        return RateLimited(f"Abyssale answered 429: {words}", retry_after=1.0)
    return None
