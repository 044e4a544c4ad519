"""The contract of ImagineAPI's filters: Directus 9.23.1, and where 11 differs."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from genai_orchestration.providers.imagine_api.api import FINISHED, UNFINISHED
from genai_orchestration_tests.providers.imagine_api.contract.client import (
    IMAGES,
    INVALID_QUERY,
    SERVER_FAULT,
    Client,
)
from genai_orchestration_tests.providers.imagine_api.contract.images import OWN, having
from genai_orchestration_tests.providers.imagine_api.contract.server import Server

FAILED = {"status": {"_eq": "failed"}}
UNKNOWN = "11111111-2222-4333-8444-555555555555"


def ids(gallery: Client, query: str) -> list[str]:
    return [row["id"] for row in gallery.rows(f"fields=id&{query}")]


def test_every_image_is_finished_or_unfinished(gallery: Client) -> None:
    images = gallery.rows("limit=-1&fields=status,upscaled_urls")
    finished = [
        image
        for image in images
        if image["status"] in ("completed", "failed") or image["upscaled_urls"] is not None
    ]
    assert having("completed", "failed") < len(finished) < OWN
    assert gallery.count(FINISHED) == len(finished)
    assert gallery.count(UNFINISHED) == OWN - len(finished)


def test_a_filter_can_be_brackets_or_json_or_a_search(gallery: Client) -> None:
    brackets = gallery.rows("filter[status][_nin]=completed,failed&limit=-1")
    wanted = {"_and": [{"status": {"_neq": "completed"}}, {"status": {"_neq": "failed"}}]}
    assert gallery.rows(f"filter={quote(json.dumps(wanted))}&limit=-1") == brackets
    assert gallery.search(query={"filter": wanted, "limit": -1}).json()["data"] == brackets
    assert len(brackets) == OWN - having("completed", "failed") > 0


def test_either_side_of_an_or_is_enough(gallery: Client) -> None:
    either = "filter[_or][0][status][_eq]=queued&filter[_or][1][progress][_gt]=92&limit=-1"
    assert {row["status"] for row in gallery.rows(either)} == {"queued", "failed", "in-progress"}


def test_a_field_alone_is_equal_to_its_value(gallery: Client) -> None:
    assert gallery.count({"status": "failed"}) == gallery.count(FAILED) == having("failed")


def test_null_is_asked_for_with_true_or_without_a_value(gallery: Client) -> None:
    without = gallery.rows("filter[ref][_null]=true&limit=-1&fields=ref")
    having_one = gallery.rows("filter[ref][_nnull]=true&limit=-1&fields=ref")
    assert {row["ref"] for row in without} == {None}
    assert None not in {row["ref"] for row in having_one}
    assert len(without) + len(having_one) == OWN
    for same in ({"_null": None}, {"_empty": True}):
        assert gallery.count({"ref": same}) == len(without)
    for same in ({"_nnull": None}, {"_neq": None}, {"_nempty": True}):
        assert gallery.count({"ref": same}) == len(having_one)
    assert gallery.refusal("filter[ref][_null]=maybe") == INVALID_QUERY


def test_nothing_is_equal_to_null_on_version_9(server: Server, gallery: Client) -> None:
    right = gallery.count({"ref": {"_null": True}})
    nine = server.major < 11
    assert gallery.count({"ref": {"_eq": None}}) == (0 if nine else right)
    assert gallery.list("filter[ref][_eq]=null&limit=0&meta=filter_count")["meta"] == {
        "filter_count": 0 if nine else right
    }
    if nine:
        assert gallery.refusal('filter={"ref":null}') == SERVER_FAULT
        # and a null is the number 0
        assert gallery.count({"progress": {"_gte": None}}) == gallery.count(
            {"progress": {"_gte": 0}}
        )


def test_several_operators_of_one_field_are_a_fault_of_version_9(
    server: Server, gallery: Client
) -> None:
    between = {"_gte": "2024-03-02", "_lt": "2024-03-05"}
    apart = {"_and": [{"date_created": {name: day}} for name, day in between.items()]}
    brackets = "&".join(f"filter[date_created][{name}]={day}" for name, day in between.items())
    right = gallery.count(apart)
    assert 0 < right < OWN
    if server.major >= 11:
        assert gallery.count({"date_created": between}) == right
        assert len(gallery.rows(f"{brackets}&limit=-1")) == right
    else:
        together = quote(json.dumps({"date_created": between}))
        assert gallery.refusal(f"filter={together}") == SERVER_FAULT
        assert gallery.refusal(brackets) == SERVER_FAULT
    # of numbers, they are not
    assert gallery.count({"progress": {"_gt": 30, "_lt": 32}}) == gallery.count(
        {"progress": {"_eq": 31}}
    )


@pytest.mark.parametrize("operator", ["_null", "_nnull", "_empty", "_nempty"])
def test_false_is_null_and_not_null_on_version_9(
    server: Server, gallery: Client, operator: str
) -> None:
    never: dict[str, Any] = {"ref": {operator: False}}
    if server.major >= 11:
        opposite = "_null" if operator in ("_nnull", "_nempty") else "_nnull"
        right = gallery.count({"ref": {opposite: True}})
        assert gallery.count(never) == gallery.count({"_or": [never]}) == right
        return
    assert gallery.count(never) == gallery.count({"_and": [never]}) == 0
    assert gallery.count({"_or": [never]}) == OWN
    assert gallery.count({"_or": [FAILED, never]}) == OWN
    # several keys are a group of their own
    assert gallery.count({"_or": [FAILED, {**FAILED, **never}]}) == having("failed")


def test_an_empty_text_is_empty_and_on_version_9_also_not_empty(server: Server) -> None:
    customer = server.customer()
    customer.made(prompt="")
    customer.made(prompt="a fox")
    assert customer.count({"prompt": {"_empty": True}}) == 1
    nine = server.major < 11
    assert customer.count({"prompt": {"_nempty": True}}) == (2 if nine else 1)
    assert customer.count({"prompt": {"_empty": False}}) == 1


def test_an_empty_filter_among_alternatives_takes_them_all_out(gallery: Client) -> None:
    assert gallery.count({"_or": [{"status": {"_eq": "no such status"}}, {}]}) == OWN
    assert gallery.count({"_or": []}) == gallery.count({"_and": []}) == gallery.count([]) == OWN


def test_a_null_is_in_no_list_and_not_outside_of_one_either(gallery: Client) -> None:
    known = gallery.count({"ref": {"_nnull": True}})
    assert gallery.count({"ref": {"_nin": ["no such ref"]}}) == known
    assert gallery.count({"ref": {"_neq": "no such ref"}}) == known
    assert gallery.count({"ref": {"_in": [None, "campaign-0"]}}) == 1
    # in SQL nothing is outside of a list with a null
    assert gallery.count({"status": {"_nin": ["completed", None]}}) == 0
    assert gallery.rows("filter[status][_nin]=completed,null") == []


def test_a_list_of_ids_takes_those_that_exist_and_its_opposite_all_others(gallery: Client) -> None:
    wanted = ids(gallery, "limit=30")
    assert ids(gallery, f"filter[id][_in]={','.join(wanted)},{UNKNOWN}") == wanted
    assert ids(gallery, "&".join(f"filter[id][_in][]={id}" for id in wanted)) == wanted
    others = ids(gallery, f"filter[id][_nin]={','.join(wanted)}&limit=-1")
    assert wanted + others == ids(gallery, "limit=-1")


@pytest.mark.parametrize("query", ["filter[id][_in]=", "filter[id][_in]=no-uuid"])
def test_a_list_with_what_is_no_uuid(server: Server, gallery: Client, query: str) -> None:
    if server.database == "postgres":
        assert gallery.refusal(query) == SERVER_FAULT
    else:
        assert gallery.rows(query) == []


def test_an_empty_list_is_refused_but_not_by_a_search_of_version_9(
    server: Server, gallery: Client
) -> None:
    nothing: dict[str, Any] = {"id": {"_in": []}}
    assert gallery.refusal(f"filter={quote(json.dumps(nothing))}") == INVALID_QUERY
    searched = gallery.search(query={"filter": nothing})
    assert searched.status_code == (400 if server.major >= 11 else 200)
    if server.major < 11:
        assert searched.json()["data"] == []


@pytest.mark.parametrize("count", [21, 22])
def test_an_indexed_list_of_22_ids_finds_nothing_on_version_9(
    server: Server, gallery: Client, count: int
) -> None:
    wanted = ids(gallery, f"limit={count}")
    query = "&".join(f"filter[id][_in][{n}]={id}" for n, id in enumerate(wanted))
    found = gallery.ask("GET", f"{IMAGES}?{query}")
    if count == 21 or server.major >= 11:
        assert len(found.json()["data"]) == count
    elif server.database == "postgres":
        assert found.status_code == 500
    else:
        assert found.json()["data"] == []


def test_times_compare_exactly_in_every_form(gallery: Client) -> None:
    middle = gallery.rows("sort=date_created&limit=1&offset=115")[0]["date_created"]
    from_there = gallery.count({"date_created": {"_gte": middle}})
    later = gallery.count({"date_created": {"_gt": middle}})
    same = gallery.count({"date_created": {"_eq": middle}})
    assert from_there == later + same
    assert same > 1
    for form in (middle[:-1], middle.replace("Z", "+00:00"), middle.replace("T", " ")):
        assert gallery.count({"date_created": {"_gte": form}}) == from_there
    day = gallery.count({"date_created": {"_gte": middle[:10]}})
    assert day >= from_there
    assert day == gallery.count({"date_created": {"_gte": f"{middle[:10]}T00:00:00.000Z"}})


def test_times_can_be_relative_to_now(server: Server) -> None:
    customer = server.customer()
    customer.made(prompt="new")
    assert customer.count({"date_created": {"_gte": "$NOW(-1 day)"}}) == 1
    assert customer.count({"date_created": {"_gte": "$NOW(+1 day)"}}) == 0


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00.000+00:00", "1700000000000", "junk"])
def test_what_is_no_time_silently_finds_the_wrong_rows_on_sqlite(
    server: Server, gallery: Client, time: str
) -> None:
    # sent as it stands: requests leaves a plus in a query alone, and it arrives as a space
    early, late = (f"filter[date_created][{name}]={time}&limit=-1" for name in ("_gte", "_lte"))
    if server.database == "postgres":
        assert gallery.refusal(early) == SERVER_FAULT
    else:
        assert gallery.rows(early) == []
        assert len(gallery.rows(late)) == OWN


def test_what_is_no_number_finds_nothing_on_sqlite(server: Server, gallery: Client) -> None:
    query = "filter[progress][_gt]=many"
    if server.database == "postgres":
        assert gallery.refusal(query) == SERVER_FAULT
    else:
        assert gallery.rows(query) == []


@pytest.mark.parametrize(
    "query",
    [
        f"filter[id][_gt]={UNKNOWN}",
        "filter[status][_nope]=x",
        "filter[ref][_eq]=",
        "filter[progress][_empty]=true",
    ],
)
def test_an_operator_that_does_not_fit_is_400(gallery: Client, query: str) -> None:
    assert gallery.refusal(query) == INVALID_QUERY


@pytest.mark.parametrize("query", ["filter={bad", "filter=5"])
def test_what_is_no_filter_is_a_fault_of_version_9(
    server: Server, gallery: Client, query: str
) -> None:
    assert gallery.refusal(query) == (INVALID_QUERY if server.major >= 11 else SERVER_FAULT)
