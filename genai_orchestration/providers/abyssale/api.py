"""Abyssale's address, key, ceiling and errors, and the one request that shows changes."""

import functools
from typing import Any

import requests

from genai_orchestration.providers import shapes
from genai_orchestration.providers.http import LOAD_POLICY, ReadClient, RetryPolicy
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.rate_limit import RateLimit
from genai_orchestration.providers.refusals import (
    NotFound,
    OutOfCredits,
    ProviderError,
    RateLimited,
)
from genai_orchestration.providers.shapes import Record
from genai_orchestration.providers.work import id_in

REQUESTS_PER_SECOND = 10  # the gateway's ceiling over a whole workspace
YEAR_10_000 = 253_402_300_800  # Unix seconds, where Python's calendar ends


class Gone(NotFound):
    """It was there, and Abyssale has forgotten it."""


def connect(api_key: str, base_url: str, policy: RetryPolicy = LOAD_POLICY) -> ReadClient:
    """A read client for the workspace of `api_key`, never above Abyssale's ceiling."""
    return ReadClient(
        title="Abyssale",
        section="abyssale_source",
        base_url=base_url,
        auth=KeyAuth("x-api-key", api_key),
        limit=_limit(api_key, base_url),
        classify=_classify,
        policy=policy,
    )


@functools.cache
def _limit(api_key: str, base_url: str) -> RateLimit:
    """One limit for all clients of this process: the ceiling is the workspace's, not a client's."""
    return RateLimit(REQUESTS_PER_SECOND)


def latest_change(client: ReadClient) -> tuple[int, int]:
    """How many designs there are, and the newest `updated_at` (Unix seconds): one small request.

    Together they move whenever a design is made, changed or deleted.
    """
    params = {"sort": "updated", "order": "desc", "page": 1, "per_page": 1}
    newest, headers = client.read_with_headers("designs", params, shape=dated_designs)
    total = headers.get("X-Total-Count", "")
    count = int(total) if total.isdecimal() else len(newest)
    return count, newest[0]["updated_at"] if newest else 0


def dated_designs(answer: Any) -> list[Record]:
    """Listed designs: each has an id, and the Unix second of its last change."""
    listed = shapes.records(key="id")(answer)
    for design in listed:
        moment = design.get("updated_at")
        if type(moment) is not int or not 0 <= moment < YEAR_10_000:
            raise shapes.Misshapen("a list with a design that has no 'updated_at'")
    return listed


def credit_pools(answer: Any) -> Record:
    """The credits: the pool of generations is there, and says what is available (null: all)."""
    if "available" not in shapes.record(at="generation_credits")(answer):
        raise shapes.Misshapen("a credit pool without 'available'")
    return shapes.record()(answer)


def generation(answer: Any) -> Record:
    """A generation request; once it is finalized, its banners are a list of banners."""
    found = shapes.record(needs=["is_finalized"])(answer)
    if found["is_finalized"]:
        shapes.records(at="banners", key="id")(found)
    return found


def account_of(client: ReadClient) -> str | None:
    """The company that the key is of, as Abyssale writes it; its check of a key is a free POST."""
    return id_in(client.read_by_post("auth", shape=shapes.record()).get("company"))


def _classify(answer: requests.Response, message: str) -> ProviderError | None:
    """Abyssale's 429 has three meanings, distinguished by `id`."""
    try:
        code = answer.json()["id"]
    except (ValueError, LookupError, TypeError):
        return None
    if answer.status_code == 410:
        return Gone(
            f"Abyssale has forgotten it: {message} It keeps generation requests for 7 days."
        )
    if code == "feature_not_in_plan":
        return OutOfCredits(
            f"Abyssale refuses: {message} The workspace's plan does not include it."
        )
    if code == "rate_limit_exceeded":  # the gateway's 10 requests a second, without a Retry-After
        return RateLimited(f"Abyssale answered 429: {message}", retry_after=1.0)
    return None
