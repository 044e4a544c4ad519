"""ImagineAPI's sandbox over real HTTP: Directus' list parameters, each with its traps."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.sandbox.server import Sandbox
from genai_orchestration_tests.providers.imagine_api.sandbox.client import IMAGES, Client

OWN = 600


@pytest.fixture(scope="module")
def api() -> Iterator[Client]:
    """One server for the tests that only read."""
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        yield Client(sandbox)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_a_page_is_100_records_in_the_order_of_their_ids(api: Client) -> None:
    page = ids(api.rows())
    assert len(page) == 100
    assert page == sorted(ids(api.rows("limit=-1")))[:100]


def found(api: Client, wanted: dict[str, Any]) -> int:
    """How many records match a filter."""
    query = f"limit=0&meta=filter_count&filter={quote(json.dumps(wanted))}"
    count: int = api.list(query)["meta"]["filter_count"]
    return count


@pytest.mark.parametrize(
    ("query", "count"),
    [("limit=-1", OWN), ("limit=0", 0), ("limit=", 0), ("limit=7", 7), ("limit=50&offset=580", 20)],
)
def test_a_limit_cuts_and_minus_one_does_not(api: Client, query: str, count: int) -> None:
    assert len(api.rows(query)) == count


def test_pages_count_from_one_and_zero_is_the_first_too(api: Client) -> None:
    first = api.rows("limit=10&page=1")
    assert api.rows("limit=10&page=0") == first
    assert api.rows("limit=10&page=2") == api.rows("limit=10&offset=10")
    assert api.rows("limit=10&page=1&offset=30") == first
    assert api.rows("limit=10&page=61") == []


def test_the_second_page_of_everything_is_everything_again(api: Client) -> None:
    assert len(api.rows("limit=-1&page=2")) == OWN


def test_the_counts_come_with_the_page(api: Client) -> None:
    answer = api.list("limit=0&meta=*&filter[status][_eq]=failed")
    assert answer == {"meta": {"total_count": OWN, "filter_count": 53}, "data": []}
    assert api.list("limit=0&meta=filter_count")["meta"] == {"filter_count": OWN}


def test_records_can_be_counted_by_status(api: Client) -> None:
    assert api.rows("aggregate[count]=*") == [{"count": OWN}]
    groups = {
        row["status"]: row["count"] for row in api.rows("aggregate[count]=*&groupBy[]=status")
    }
    assert set(groups) == {"pending", "queued", "in-progress", "completed", "failed"}
    assert sum(groups.values()) == OWN


def test_fields_narrow_the_record(api: Client) -> None:
    assert list(api.rows("fields=id,status&limit=1")[0]) == ["id", "status"]
    assert "ref" in api.rows("fields[]=*&limit=1")[0]


@pytest.mark.parametrize(
    "query", ["fields=date_updated", "fields=nope&limit=0", "filter[date_updated][_gte]=2020-01-01"]
)
def test_a_field_that_is_hidden_or_unknown_is_403(api: Client, query: str) -> None:
    assert api.refusal(query) == (403, "FORBIDDEN")


def test_sorting_by_an_unknown_field_is_500_but_by_a_hidden_one_works(api: Client) -> None:
    assert api.refusal("sort=nope") == (500, "INTERNAL_SERVER_ERROR")
    newest = api.rows("sort=-date_updated&limit=1")[0]
    assert newest["status"] == "in-progress"


def test_sorting_by_time_and_id_gives_every_record_once(api: Client) -> None:
    pages = [api.rows(f"sort=date_created,id&limit=100&page={page}") for page in range(1, 7)]
    seen = [(row["date_created"], row["id"]) for page in pages for row in page]
    assert seen == sorted(set(seen))
    assert len(seen) == OWN
    assert ids(api.rows("sort=-date_created&limit=1")) == [seen[-1][1]]


def test_a_filter_can_be_brackets_or_json_or_a_search(api: Client) -> None:
    brackets = api.rows("filter[status][_nin]=completed,failed&limit=-1")
    wanted = {"_and": [{"status": {"_neq": "completed"}}, {"status": {"_neq": "failed"}}]}
    as_json = quote(json.dumps(wanted))
    assert api.rows(f"filter={as_json}&limit=-1") == brackets
    body = {"query": {"filter": wanted, "limit": -1}}
    assert api.ask("SEARCH", IMAGES, json=body).json()["data"] == brackets
    assert 0 < len(brackets) < 20


def test_a_search_can_name_its_keys(api: Client) -> None:
    wanted = ids(api.rows("limit=3"))
    body = {"keys": [*wanted, "unknown"], "query": {"fields": ["id"]}}
    assert api.ask("SEARCH", IMAGES, json=body).json()["data"] == [{"id": id} for id in wanted]


def test_either_side_of_an_or_is_enough(api: Client) -> None:
    either = "filter[_or][0][status][_eq]=queued&filter[_or][1][progress][_gt]=92&limit=-1"
    assert {row["status"] for row in api.rows(either)} == {"queued", "failed", "in-progress"}


def test_null_is_asked_for_with_true(api: Client) -> None:
    without = api.rows("filter[ref][_null]=true&limit=-1&fields=ref")
    having = api.rows("filter[ref][_nnull]=true&limit=-1&fields=ref")
    assert {row["ref"] for row in without} == {None}
    assert None not in {row["ref"] for row in having}
    assert len(without) + len(having) == OWN
    assert api.refusal("filter[ref][_null]=maybe") == (400, "INVALID_QUERY")


@pytest.mark.parametrize("operator", ["_null", "_nnull", "_empty", "_nempty"])
def test_false_is_null_and_not_null_or_either_of_them(api: Client, operator: str) -> None:
    never = {"ref": {operator: False}}
    assert found(api, never) == found(api, {"_and": [never]}) == 0
    assert found(api, {"_or": [never]}) == OWN
    assert found(api, {"_or": [{"status": {"_eq": "failed"}}, never]}) == OWN
    # several keys are a group of their own
    assert found(api, {"_or": [{"status": {"_eq": "failed"}, **never}]}) == 0


def test_an_empty_filter_among_alternatives_takes_them_all_out(api: Client) -> None:
    assert found(api, {"_or": [{"status": {"_eq": "no such status"}}, {}]}) == OWN
    assert found(api, {"_or": []}) == OWN


def test_unknown_ids_are_simply_absent_from_a_list(api: Client) -> None:
    wanted = ids(api.rows("limit=30"))
    assert ids(api.rows(f"filter[id][_in]={','.join(wanted)},unknown")) == wanted
    assert ids(api.rows("&".join(f"filter[id][_in][]={id}" for id in wanted))) == wanted
    assert api.rows("filter[id][_in]=") == []


@pytest.mark.parametrize(("count", "found"), [(21, 21), (22, 0)])
def test_an_indexed_list_of_22_ids_finds_nothing(api: Client, count: int, found: int) -> None:
    wanted = ids(api.rows(f"limit={count}"))
    query = "&".join(f"filter[id][_in][{n}]={id}" for n, id in enumerate(wanted))
    assert len(api.rows(query)) == found


def test_times_compare_exactly_in_every_form(api: Client) -> None:
    middle = api.rows("sort=date_created&limit=1&offset=300")[0]["date_created"]
    from_there = len(api.rows(f"filter[date_created][_gte]={middle}&limit=-1"))
    later = len(api.rows(f"filter[date_created][_gt]={middle}&limit=-1"))
    same = len(api.rows(f"filter[date_created][_eq]={middle}&limit=-1"))
    assert from_there == later + same
    for form in (middle[:-1], middle.replace("Z", "%2B00:00")):
        assert len(api.rows(f"filter[date_created][_gte]={form}&limit=-1")) == from_there
    days = iso(api.sandbox.clock.now() - timedelta(days=1))[:10]
    assert api.rows(f"filter[date_created][_gte]={days}&limit=-1")
    recent = api.rows("filter[date_created][_gte]=$NOW(-1 day)&limit=-1")
    assert {"pending", "queued"} <= {row["status"] for row in recent}


def test_an_offset_with_a_bare_plus_silently_finds_the_wrong_rows(api: Client) -> None:
    # sent as it stands: requests leaves a plus in a query alone
    bare = "2026-01-01T00:00:00.000+00:00"
    assert api.rows(f"filter[date_created][_gte]={bare}") == []
    assert len(api.rows(f"filter[date_created][_lte]={bare}&limit=-1")) == OWN


@pytest.mark.parametrize(
    "query",
    [
        "filter[id][_gt]=00000000-0000-4000-8000-000000000000",
        "filter[status][_nope]=x",
        "filter[ref][_eq]=",
        "filter={bad",
        "limit=many",
        "limit=-2",
    ],
)
def test_a_bad_value_is_400(api: Client, query: str) -> None:
    assert api.refusal(query) == (400, "INVALID_QUERY")


def test_a_url_over_16_kb_is_431_with_no_body(api: Client) -> None:
    response = api.ask("GET", f"{IMAGES}?filter[id][_in]={'a' * 16_400}")
    assert (response.status_code, response.content) == (431, b"")
