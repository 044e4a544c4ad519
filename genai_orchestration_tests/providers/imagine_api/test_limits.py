"""QUERY_LIMIT_MAX of any size: everything is read, counted and found, and asked for in time."""

from datetime import date, timedelta

import pytest

from genai_orchestration.providers.base import Account, Counts
from genai_orchestration.providers.imagine_api import PROVIDER, api, listing
from genai_orchestration.providers.imagine_api.client import InvalidQuery
from genai_orchestration.providers.imagine_api.counter import ImageCounter
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox, directus
from genai_orchestration.providers.imagine_api.sandbox.http import DirectusError, invalid_query
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.imagine_api.submission import ImagineApiSubmitter
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.imagine_api.account import (
    apart,
    at,
    client,
    ids,
)
from genai_orchestration_tests.providers.loading import midnight

BEGINNING = date(2023, 1, 1)


@pytest.fixture(params=["says its limit", "does not say it"])
def server(images: ImagineApiSandbox, request: pytest.FixtureRequest) -> ImagineApiSandbox:
    """A server whose refusal names the largest limit, and one whose refusal does not."""
    if request.param == "does not say it":
        patch = request.getfixturevalue("monkeypatch")
        patch.setattr(directus, "invalid_query", _wordless)
    return images


def _wordless(message: str) -> DirectusError:
    return invalid_query("limit: too large")


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_all_images_are_read_counted_and_found(
    sandbox: Sandbox, server: ImagineApiSandbox, limit: int
) -> None:
    server.query_limit_max = limit
    number = 9 if limit < 50 else 130
    there = server.add(apart(midnight(sandbox), number, timedelta(minutes=1)))[::-1]
    open_ = server.add(at(midnight(sandbox, -1), outcome="stuck"))[0]
    reader = client(sandbox)
    assert sorted(ids(listing.read(reader))) == sorted([open_, *there])
    wanted = there[:110]
    assert sorted(ids(listing.read_ids(client(sandbox), wanted))) == sorted(wanted)
    counter = ImageCounter(client(sandbox))
    assert counter.counts(BEGINNING, None) == Counts(unfinished=1, finished=number)
    assert counter.oldest_unfinished(BEGINNING) == midnight(sandbox, -1)
    server.counts = False  # such a server is read to be counted
    assert counter.counts(BEGINNING, None) == Counts(unfinished=1, finished=number)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("number", range(4))
def test_the_smallest_pages_end_where_the_list_ends(
    sandbox: Sandbox, images: ImagineApiSandbox, number: int, limit: int, counts: bool
) -> None:
    images.query_limit_max, images.counts = limit, counts
    there = images.add(apart(midnight(sandbox), number, timedelta(minutes=1)))[::-1]
    sandbox.traffic.calls.clear()
    assert ids(listing.read(client(sandbox))) == there
    assert len(sandbox.traffic.calls) < 20


def test_a_refusal_is_paid_for_once(sandbox: Sandbox, server: ImagineApiSandbox) -> None:
    server.query_limit_max = 100
    there = server.add(apart(midnight(sandbox), 5, timedelta(minutes=1)))
    reader = client(sandbox)

    def requests_to_read() -> int:
        sandbox.traffic.calls.clear()
        assert len(ids(listing.read(reader))) == 5
        return len(sandbox.traffic.calls)

    assert requests_to_read() > 1
    assert requests_to_read() == 1
    sandbox.traffic.calls.clear()
    assert sorted(ids(listing.read_ids(reader, there))) == sorted(there)
    assert len(sandbox.traffic.calls) == 1


def test_a_query_that_is_wrong_in_another_way_is_not_asked_again(sandbox: Sandbox) -> None:
    sandbox.traffic.calls.clear()
    with pytest.raises(InvalidQuery, match=r"does not take the query: .*_nope"):
        list(listing.read(client(sandbox), {"status": {"_nope": 1}}))
    assert len(sandbox.traffic.calls) == 1


@pytest.mark.parametrize("limit", [1, 50])
def test_a_lost_answer_is_looked_up_and_the_doctor_sees_pictures(
    sandbox: Sandbox, server: ImagineApiSandbox, limit: int
) -> None:
    server.query_limit_max = limit
    account = Account(api_key=KEY, base_url=sandbox.base_url("imagine_api"))
    image = server.add([Spec(prompt="a heron", ref="job-1", seconds=-60)])[0]
    assert ImagineApiSubmitter(account).find("job-1", {"prompt": "a heron"}) == [image]
    assert ImagineApiSubmitter(account).find("job-2", {"prompt": "a heron"}) == []
    server.add([Spec(prompt="a crane", ref="job-3")] * limit)
    # others fill the one page that is looked at: nothing is proved
    assert ImagineApiSubmitter(account).find("job-3", {"prompt": "a heron"}) is None
    assert not any(finding.broken for finding in PROVIDER.examine(account))
    assert api.newest_picture(client(sandbox))
