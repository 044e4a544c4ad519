"""ImagineAPI's sandbox over real HTTP: who may ask, and what creating, changing, deleting do."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests

from genai_orchestration.providers.imagine_api.sandbox import http
from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration.sandbox import server
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration_tests.providers.imagine_api.sandbox.client import IMAGES, Client, refusal

NOBODYS = "11111111-2222-4333-8444-555555555555"
KEYS = [
    *("id", "prompt", "results", "user_created", "date_created", "status"),
    *("progress", "url", "error", "upscaled_urls", "ref", "upscaled"),
]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def api() -> Iterator[Client]:
    with server.Sandbox(clock=FrozenClock()).running() as sandbox:
        yield Client(sandbox)


def test_the_key_is_the_one_that_all_sandboxes_take() -> None:
    assert http.KEY == server.KEY


def test_without_a_token_it_is_403_and_with_a_wrong_one_401(api: Client) -> None:
    assert refusal(api.ask("GET", IMAGES, key=None)) == (403, "FORBIDDEN")
    assert refusal(api.ask("GET", IMAGES, key="wrong")) == (401, "INVALID_CREDENTIALS")
    assert refusal(api.ask("POST", IMAGES, key=None, json={"prompt": "x"})) == (403, "FORBIDDEN")


def test_ping_needs_no_token(api: Client) -> None:
    response = api.ask("GET", "/server/ping", key=None)
    assert (response.status_code, response.text) == (200, "pong")


def test_the_status_is_an_object_and_no_list(api: Client) -> None:
    assert api.ask("GET", "/items/status").json()["data"]["bot_status"] == "healthy"


def test_a_record_that_is_not_ones_own_is_403_whatever_is_wrong_with_it(api: Client) -> None:
    [foreign] = api.state.add([{"foreign": True}])
    for id in (foreign, NOBODYS, "no-uuid"):
        assert refusal(api.ask("GET", f"{IMAGES}/{id}")) == (403, "FORBIDDEN")
        assert refusal(api.ask("PATCH", f"{IMAGES}/{id}", json={})) == (403, "FORBIDDEN")


@pytest.mark.parametrize("path", ["//items/images", "/v1/images", "/items/images/1/2"])
def test_an_unknown_route_is_404_and_a_double_slash_is_one(api: Client, path: str) -> None:
    assert refusal(api.ask("GET", path)) == (404, "ROUTE_NOT_FOUND")


def test_put_does_not_exist_and_options_says_what_does(api: Client) -> None:
    assert refusal(api.ask("PUT", IMAGES, json={})) == (404, "ROUTE_NOT_FOUND")
    assert api.ask("OPTIONS", IMAGES).headers["Allow"] == "POST,SEARCH,GET,HEAD,PATCH,DELETE"
    assert api.ask("HEAD", IMAGES).status_code == 200
    assert refusal(api.ask("GET", "/items/nothing")) == (403, "FORBIDDEN")


def test_a_new_image_is_answered_with_200_and_its_pending_record(api: Client) -> None:
    response = api.post({"prompt": "a cat --ar 1:1", "ref": "job-1"})
    record = response.json()["data"]
    assert response.status_code == 200
    assert list(record) == KEYS
    assert uuid.UUID(record["id"]).version == 4
    assert record["date_created"] == iso(api.sandbox.clock.now())
    assert (record["status"], record["ref"], record["upscaled"]) == ("pending", "job-1", [])
    for field in ("results", "progress", "url", "error", "upscaled_urls"):
        assert record[field] is None


def test_an_array_makes_many_images_or_none(api: Client) -> None:
    made = api.post([{"prompt": "one"}, {"prompt": "two"}]).json()["data"]
    assert [record["prompt"] for record in made] == ["one", "two"]
    assert refusal(api.post([{"prompt": "three"}, {}])) == (400, "FAILED_VALIDATION")
    assert api.rows("filter[prompt][_eq]=three") == []


def test_a_prompt_is_required_but_may_be_empty(api: Client) -> None:
    assert refusal(api.post({})) == (400, "FAILED_VALIDATION")
    assert refusal(api.post({"prompt": None})) == (400, "FAILED_VALIDATION")
    as_text = api.ask(
        "POST", IMAGES, data='{"prompt": "x"}', headers={"Content-Type": "text/plain"}
    )
    assert refusal(as_text) == (400, "FAILED_VALIDATION")
    assert api.post({"prompt": ""}).status_code == 200


def test_a_chosen_id_is_kept_and_refused_the_second_time(api: Client) -> None:
    assert api.post({"id": NOBODYS, "prompt": "x"}).json()["data"]["id"] == NOBODYS
    again = api.post({"id": NOBODYS, "prompt": "x"})
    assert refusal(again) == (400, "RECORD_NOT_UNIQUE")
    assert again.json()["errors"][0]["extensions"]["field"] == "id"


def test_the_hook_and_the_database_throw_on_what_they_do_not_expect(api: Client) -> None:
    for body in ({"prompt": "x", "model": "MJ"}, {"prompt": "a\0b"}, {"prompt": "x", "id": "no"}):
        assert refusal(api.post(body)) == (500, "INTERNAL_SERVER_ERROR")


def test_the_server_sets_the_time_of_creation_whatever_a_client_says(api: Client) -> None:
    record = api.post({"prompt": "x", "date_created": "2020-01-01T00:00:00Z"}).json()["data"]
    assert record["date_created"] == iso(api.sandbox.clock.now())


def test_a_ref_comes_back_as_text_and_has_255_characters_at_most(api: Client) -> None:
    assert api.post({"prompt": "x", "ref": 17}).json()["data"]["ref"] == "17"
    assert api.post({"prompt": "x", "ref": "r" * 255}).status_code == 200
    assert refusal(api.post({"prompt": "x", "ref": "r" * 256})) == (400, "VALUE_TOO_LONG")


def test_a_body_that_is_no_json_or_over_1_mb_is_400(api: Client) -> None:
    as_json = {"Content-Type": "application/json"}
    for body in ('{"prompt": ', '"text"', '{"prompt": "' + "x" * 2**20 + '"}'):
        response = api.ask("POST", IMAGES, data=body, headers=as_json)
        assert refusal(response) == (400, "INVALID_PAYLOAD")


def test_only_the_prompt_can_be_changed(api: Client) -> None:
    id = api.post({"prompt": "before"}).json()["data"]["id"]
    assert api.ask("PATCH", f"{IMAGES}/{id}", json={"prompt": "after"}).status_code == 200
    assert refusal(api.ask("PATCH", f"{IMAGES}/{id}", json={"ref": "r"})) == (403, "FORBIDDEN")
    assert api.read(id)["prompt"] == "after"


def test_an_image_can_be_deleted_when_it_is_older_than_a_day(api: Client) -> None:
    id = api.post({"prompt": "x"}).json()["data"]["id"]
    assert refusal(api.ask("DELETE", f"{IMAGES}/{id}")) == (403, "FORBIDDEN")
    api.sandbox.clock.advance(timedelta(days=1, seconds=1).total_seconds())
    assert api.ask("DELETE", f"{IMAGES}/{id}").status_code == 204
    assert api.ask("GET", f"{IMAGES}/{id}").status_code == 403


def test_an_asset_is_public_but_a_wrong_token_is_refused(api: Client) -> None:
    url = api.rows("filter[status][_eq]=completed&limit=1")[0]["url"]
    public = requests.get(url, timeout=10)
    assert public.content.startswith(PNG)
    assert public.headers["Cache-Control"] == "public, max-age=2592000"
    assert api.ask("GET", url).headers["Cache-Control"] == "private, max-age=2592000"
    assert refusal(api.ask("GET", url, key="wrong")) == (401, "INVALID_CREDENTIALS")
    assert refusal(api.ask("GET", f"/assets/{NOBODYS}", key=None)) == (403, "FORBIDDEN")


def test_an_asset_is_found_by_its_id_whatever_name_follows(api: Client) -> None:
    record = api.rows("filter[status][_eq]=completed&limit=1")[0]
    bodies = [
        api.ask("GET", f"/assets/{record['results']}{name}", key=None).content
        for name in ("", "/any.png", "?download")
    ]
    assert bodies[0] == bodies[1] == bodies[2]
    pictures = {api.ask("GET", url, key=None).content for url in record["upscaled_urls"]}
    assert len(pictures) == 4


def test_an_asset_can_be_asked_for_in_another_size(api: Client) -> None:
    file = api.rows("filter[status][_eq]=completed&limit=1")[0]["results"]
    png = api.ask("GET", f"/assets/{file}?width=64&height=32", key=None).content
    assert png[16:24] == (64).to_bytes(4, "big") + (32).to_bytes(4, "big")
    assert api.ask("GET", f"/assets/{file}?width=abc", key=None).status_code == 500


def test_images_can_be_put_in_and_taken_out_over_http(api: Client) -> None:
    spec = {"id": NOBODYS, "prompt": "x", "outcome": "failed", "error": "Unspecified error"}
    assert api.ask("POST", "/_admin/images", key=None, json=[spec, {}]).json()[0] == NOBODYS
    assert api.read(NOBODYS)["error"] == "Unspecified error"
    assert api.ask("POST", "/_admin/images", json=[{"outcome": "eaten"}]).status_code == 400
    assert api.ask("DELETE", f"/_admin/images/{NOBODYS}", key=None).status_code == 204
    assert api.ask("GET", f"{IMAGES}/{NOBODYS}").status_code == 403
