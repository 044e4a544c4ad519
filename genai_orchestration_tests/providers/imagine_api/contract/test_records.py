"""The contract of single ImagineAPI images: who may read, make, change and delete one."""

import uuid
from datetime import datetime, timedelta

import pytest

from genai_orchestration.providers.imagine_api.sandbox.time import instant, iso
from genai_orchestration_tests.providers.imagine_api.contract.client import (
    FORBIDDEN,
    IMAGES,
    INVALID,
    INVALID_PAYLOAD,
    Client,
    refusal,
)
from genai_orchestration_tests.providers.imagine_api.contract.server import Image, Server

KEYS = [
    *("id", "prompt", "results", "user_created", "date_created", "status"),
    *("progress", "url", "error", "upscaled_urls", "ref", "upscaled"),
]
NO_ROUTE = (404, "ROUTE_NOT_FOUND")


@pytest.fixture(scope="module")
def api(server: Server) -> Client:
    """A customer whom the tests of this module share; each makes images of its own."""
    return server.customer()


def test_without_a_token_it_is_403_and_with_a_wrong_one_401(api: Client) -> None:
    assert refusal(api.ask("GET", IMAGES, token=None)) == FORBIDDEN
    assert refusal(api.ask("GET", IMAGES, token="wrong")) == (401, "INVALID_CREDENTIALS")
    assert refusal(api.ask("POST", IMAGES, token=None, json={"prompt": "x"})) == FORBIDDEN


def test_ping_needs_no_token(api: Client) -> None:
    response = api.ask("GET", "/server/ping", token=None)
    assert (response.status_code, response.text) == (200, "pong")


def test_the_status_is_an_object_and_no_list(api: Client) -> None:
    assert api.ask("GET", "/items/status").json()["data"]["bot_status"] == "healthy"


def test_a_record_that_is_not_ones_own_is_403_whatever_is_wrong_with_it(server: Server) -> None:
    customer = server.customer([Image(foreign=True)])
    for id in (str(uuid.uuid4()), "no-uuid"):
        assert refusal(customer.ask("GET", f"{IMAGES}/{id}")) == FORBIDDEN
        assert refusal(customer.ask("PATCH", f"{IMAGES}/{id}", json={})) == FORBIDDEN
        assert refusal(customer.ask("DELETE", f"{IMAGES}/{id}")) == FORBIDDEN
    assert customer.list("meta=total_count") == {"meta": {"total_count": 0}, "data": []}


@pytest.mark.parametrize("path", ["//items/images", "/v1/images", "/items/images/1/2"])
def test_an_unknown_route_is_404_and_a_double_slash_is_one(api: Client, path: str) -> None:
    assert refusal(api.ask("GET", path)) == NO_ROUTE


def test_put_does_not_exist_and_options_says_what_does(api: Client) -> None:
    assert refusal(api.ask("PUT", IMAGES, json={})) == NO_ROUTE
    assert api.ask("OPTIONS", IMAGES).headers["Allow"] == "POST,SEARCH,GET,HEAD,PATCH,DELETE"
    assert api.ask("HEAD", IMAGES).status_code == 200
    assert refusal(api.ask("GET", "/items/nothing")) == FORBIDDEN


def test_a_new_image_is_answered_with_200_and_its_pending_record(api: Client) -> None:
    response = api.post({"prompt": "a cat --ar 1:1", "ref": "job-1"})
    record = response.json()["data"]
    assert response.status_code == 200
    assert list(record) == KEYS
    assert uuid.UUID(record["id"]).version == 4
    assert iso(_time(record)) == record["date_created"]
    assert (record["status"], record["ref"], record["upscaled"]) == ("pending", "job-1", [])
    for field in ("results", "progress", "url", "error", "upscaled_urls"):
        assert record[field] is None
    assert api.read(record["id"]) == record


def test_an_array_makes_many_images_or_none(api: Client) -> None:
    made = api.post([{"prompt": "one"}, {"prompt": "two"}]).json()["data"]
    assert sorted(record["prompt"] for record in made) == ["one", "two"]
    assert refusal(api.post([{"prompt": "three"}, {}])) == INVALID
    assert api.rows("filter[prompt][_eq]=three") == []
    assert api.post([]).json() == {"data": []}


def test_a_prompt_is_required_but_may_be_empty(api: Client) -> None:
    for body, kind in (({}, "required"), ({"prompt": None}, "nnull"), ([1], "required")):
        answer = api.post(body)
        assert refusal(answer) == INVALID
        extensions = answer.json()["errors"][0]["extensions"]
        assert (extensions["field"], extensions["type"]) == ("prompt", kind)
    as_text = api.ask(
        "POST", IMAGES, data='{"prompt": "x"}', headers={"Content-Type": "text/plain"}
    )
    assert refusal(as_text) == INVALID
    assert api.made(prompt="")["prompt"] == ""


def test_a_prompt_comes_back_as_it_was_sent(api: Client) -> None:
    for prompt in ("a\nb\tc", "Crème brûlée 🍮", '"<b>&amp; \\ {x}', " spaces "):
        assert api.made(prompt=prompt)["prompt"] == prompt


def test_a_chosen_id_is_kept_and_refused_the_second_time(server: Server, api: Client) -> None:
    chosen = str(uuid.uuid4())
    assert api.made(id=chosen, prompt="x")["id"] == chosen
    again = api.post({"id": chosen, "prompt": "x"})
    assert refusal(again) == (400, "RECORD_NOT_UNIQUE")
    extensions = again.json()["errors"][0]["extensions"]
    assert (extensions["collection"], extensions["field"]) == ("images", "id")
    if stranger := server.stranger(api):
        # 403 for reading it, and the same 400 for making it
        assert refusal(api.ask("GET", f"{IMAGES}/{chosen}", token=stranger)) == FORBIDDEN
        made = api.ask("POST", IMAGES, token=stranger, json={"id": chosen, "prompt": "x"})
        assert refusal(made) == (400, "RECORD_NOT_UNIQUE")


def test_an_id_in_capitals_is_another_id_on_sqlite_and_the_same_on_postgresql(
    server: Server, api: Client
) -> None:
    chosen = str(uuid.uuid4())
    api.made(id=chosen, prompt="x")
    found = api.rows(f"filter[id][_eq]={chosen.upper()}")
    assert [image["id"] for image in found] == ([chosen] if server.database == "postgres" else [])


def test_the_server_sets_the_time_and_the_user_whatever_a_client_says(api: Client) -> None:
    plain = api.made(prompt="x")
    foreign = str(uuid.uuid4())
    made = api.made(prompt="x", date_created="2020-01-01T00:00:00Z", user_created=foreign)
    assert made["user_created"] == plain["user_created"]
    assert made["date_created"] >= plain["date_created"]


def test_a_ref_comes_back_as_text_and_need_not_be_unique(api: Client) -> None:
    assert api.made(prompt="x", ref=17)["ref"] == "17"
    ref = uuid.uuid4().hex
    twins = {api.made(prompt="x", ref=ref)["id"] for _ in range(2)}
    assert {row["id"] for row in api.rows(f"filter[ref][_eq]={ref}")} == twins
    assert api.made(prompt="x", ref="r" * 255)["ref"] == "r" * 255


def test_a_body_that_is_no_json_or_over_1_mb_is_400(api: Client) -> None:
    as_json = {"Content-Type": "application/json"}
    for body in ('{"prompt": ', '"text"', "5", "null", '{"prompt": "' + "x" * 2**20 + '"}'):
        response = api.ask("POST", IMAGES, data=body, headers=as_json)
        assert refusal(response) == INVALID_PAYLOAD


def test_only_the_prompt_can_be_changed(api: Client) -> None:
    id = api.made(prompt="before")["id"]
    assert api.ask("PATCH", f"{IMAGES}/{id}", json={"prompt": "after"}).status_code == 200
    assert api.ask("PATCH", f"{IMAGES}/{id}", json={}).status_code == 200
    assert refusal(api.ask("PATCH", f"{IMAGES}/{id}", json={"ref": "r"})) == FORBIDDEN
    assert refusal(api.ask("PATCH", f"{IMAGES}/{id}", json={"status": "failed"})) == FORBIDDEN
    assert refusal(api.ask("PATCH", f"{IMAGES}/{id}", json={"prompt": None})) == INVALID
    assert api.read(id)["prompt"] == "after"


def test_an_image_can_be_deleted_when_it_is_older_than_a_day(server: Server) -> None:
    now = _time(server.customer().made(prompt="x"))
    ages = [timedelta(hours=23, minutes=50), timedelta(days=1, minutes=10)]
    customer = server.customer([Image(date_created=iso(now - age)) for age in ages])
    old, young = (image["id"] for image in customer.rows("sort=date_created"))
    assert refusal(customer.ask("DELETE", f"{IMAGES}/{young}")) == FORBIDDEN
    assert customer.ask("DELETE", f"{IMAGES}/{old}").status_code == 204
    assert refusal(customer.ask("GET", f"{IMAGES}/{old}")) == FORBIDDEN
    assert [image["id"] for image in customer.rows()] == [young]


def _time(record: dict[str, str]) -> datetime:
    made = instant(record["date_created"])
    assert made
    return made
