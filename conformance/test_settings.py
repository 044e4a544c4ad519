"""A real Directus that is busy or caches: what it answers, and how the product's reads cope."""

from collections.abc import Iterator

import pytest

from conformance.contract import RealServer
from genai_orchestration.providers.imagine_api import api, listing
from genai_orchestration_tests.providers.imagine_api.contract.client import IMAGES, Client, refusal
from genai_orchestration_tests.providers.imagine_api.contract.server import Image

POINTS = 5
SECONDS = 2
LOOKS = 12  # of two requests each
LIST = f"{IMAGES}?meta=filter_count&fields=id"


@pytest.fixture(scope="module")
def busy(directus: RealServer) -> Iterator[Client]:
    """A customer with a picture, on a server that takes 5 requests in 2 seconds."""
    customer = directus.customer([Image(stored=True), Image(status="pending")])
    limiter = {
        "RATE_LIMITER_ENABLED": "true",
        "RATE_LIMITER_POINTS": str(POINTS),
        "RATE_LIMITER_DURATION": str(SECONDS),
    }
    with directus.configured(customer, **limiter) as limited:
        yield limited


@pytest.fixture(scope="module")
def caching(directus: RealServer) -> Iterator[Client]:
    """A customer on a server that caches answers, and keeps them when records change."""
    cache = {"CACHE_ENABLED": "true", "CACHE_TTL": "10m", "CACHE_AUTO_PURGE": "false"}
    with directus.configured(directus.customer([Image()]), **cache) as customer:
        yield customer


def test_too_many_requests_are_429_with_a_time_to_wait(directus: RealServer, busy: Client) -> None:
    answers = [busy.ask("GET", LIST) for _ in range(3 * POINTS)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {refusal(answer)[1] for answer in refused} == {"REQUESTS_EXCEEDED"}
    waits = [answer.headers["Retry-After"] for answer in refused]
    assert all(0 <= float(wait) <= SECONDS for wait in waits)
    # version 9 sends fractions of a second
    assert any("." in wait for wait in waits) == (directus.major < 11)


def test_pictures_are_limited_as_well(directus: RealServer, busy: Client) -> None:
    file = directus.directus.admin.ask("GET", "/files?limit=1&fields=id")[0]["id"]
    statuses = {
        busy.ask("GET", f"/assets/{file}", token=None).status_code for _ in range(3 * POINTS)
    }
    assert 429 in statuses
    assert statuses <= {200, 429}


def test_the_product_waits_and_gets_every_answer(busy: Client) -> None:
    client = api.connect(busy.token, busy.base_url)
    for _ in range(LOOKS):
        assert listing.count(client, api.UNFINISHED) == 1
        assert [len(page) for page in listing.read(client)] == [2]


def test_a_cached_list_is_old_and_no_store_helps_on_version_9_alone(
    directus: RealServer, caching: Client
) -> None:
    def counted(**headers: str) -> int:
        found: int = caching.ask("GET", LIST, headers=headers).json()["meta"]["filter_count"]
        return found

    before = counted()
    caching.made(prompt="new")
    assert counted() == before
    fresh = {"Cache-Control": "no-store"}
    assert counted(**fresh) == (before if directus.major >= 11 else before + 1)
    # asked another way, the answer is new everywhere
    assert len(caching.search(query={"fields": ["id"]}).json()["data"]) == before + 1
    assert len(caching.rows(f"limit={100 + before}")) == before + 1


def test_the_product_sees_what_is_new_on_a_version_9_that_caches(
    directus: RealServer, caching: Client
) -> None:
    client = api.connect(caching.token, caching.base_url)
    before = listing.count(client)
    caching.made(prompt="newer")
    assert listing.count(client) == (before if directus.major >= 11 else before + 1)
