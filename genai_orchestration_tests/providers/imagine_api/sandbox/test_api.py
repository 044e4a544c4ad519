"""ImagineAPI's sandbox over real HTTP: what no plain Directus has, and its own doors."""

from collections.abc import Iterator

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration_tests.providers.imagine_api.contract.client import (
    IMAGES,
    SERVER_FAULT,
    refusal,
)
from genai_orchestration_tests.providers.imagine_api.sandbox.client import Client

CHOSEN = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def api() -> Iterator[Client]:
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        yield Client.of(sandbox)


def test_the_hook_and_postgresql_throw_on_what_they_do_not_expect(api: Client) -> None:
    for body in ({"prompt": "x", "model": "MJ"}, {"prompt": "a\0b"}, {"prompt": "x", "id": "no"}):
        assert refusal(api.post(body)) == SERVER_FAULT


def test_postgresql_has_room_for_255_characters_of_a_ref(api: Client) -> None:
    answer = api.post({"prompt": "x", "ref": "r" * 256})
    assert refusal(answer) == (400, "VALUE_TOO_LONG")


def test_images_can_be_put_in_and_taken_out_over_http(api: Client) -> None:
    spec = {"id": CHOSEN, "prompt": "x", "outcome": "failed", "error": "Unspecified error"}
    assert api.ask("POST", "/_admin/images", token=None, json=[spec, {}]).json()[0] == CHOSEN
    assert api.read(CHOSEN)["error"] == "Unspecified error"
    assert api.ask("POST", "/_admin/images", json=[{"outcome": "eaten"}]).status_code == 400
    assert api.ask("DELETE", f"/_admin/images/{CHOSEN}", token=None).status_code == 204
    assert api.ask("GET", f"{IMAGES}/{CHOSEN}").status_code == 403
