"""ImagineAPI's sandbox over real HTTP: servers that are set up differently, and busy ones."""

from collections.abc import Iterator

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration_tests.providers.imagine_api.contract.client import (
    FORBIDDEN,
    SERVER_FAULT,
    refusal,
)
from genai_orchestration_tests.providers.imagine_api.sandbox.client import Client


@pytest.fixture
def api() -> Iterator[Client]:
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        yield Client.of(sandbox)


def test_the_self_host_has_no_ref(api: Client) -> None:
    api.state.has_ref = False
    assert api.refusal("fields=ref&limit=0") == FORBIDDEN
    assert api.refusal("filter[ref][_eq]=x") == FORBIDDEN
    assert refusal(api.post({"prompt": "x", "ref": "r"})) == SERVER_FAULT
    assert "ref" not in api.post({"prompt": "x"}).json()["data"]


def test_a_role_may_not_be_allowed_to_count(api: Client) -> None:
    api.state.counts = False
    assert api.refusal("meta=filter_count&limit=0") == FORBIDDEN
    assert api.refusal("aggregate[count]=*") == FORBIDDEN


def test_a_wrong_public_url_spoils_the_links_but_not_the_pictures(api: Client) -> None:
    api.state.public_url = "http://localhost:8055"
    record = api.rows("filter[status][_eq]=completed&limit=1")[0]
    assert record["url"].startswith("http://localhost:8055/assets/")
    assert api.ask("GET", f"/assets/{record['results']}", token=None).status_code == 200


def test_ten_thousand_images_are_counted_and_paged(api: Client) -> None:
    api.state.add([{"seconds": float(number)} for number in range(10_000)])
    assert api.list("filter[status][_nin]=completed,failed&limit=0&meta=filter_count")
    assert len(api.rows("sort=date_created,id&limit=1000&page=3")) == 1000
