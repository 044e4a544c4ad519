"""The contract of ImagineAPI's lists: pages, counts, fields, sorting, and what is refused."""

from typing import Any

import pytest

from genai_orchestration_tests.providers.imagine_api.contract.client import (
    FORBIDDEN,
    IMAGES,
    INVALID_QUERY,
    SERVER_FAULT,
    Client,
    refusal,
)
from genai_orchestration_tests.providers.imagine_api.contract.images import OWN, having
from genai_orchestration_tests.providers.imagine_api.contract.server import Server


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_a_page_is_100_records_in_the_order_of_their_ids(gallery: Client) -> None:
    page = ids(gallery.rows("fields=id"))
    assert len(page) == 100
    assert page == sorted(ids(gallery.rows("limit=-1&fields=id")))[:100]


@pytest.mark.parametrize(
    ("query", "count"),
    [("limit=-1", OWN), ("limit=0", 0), ("limit=", 0), ("limit=7", 7), ("limit=50&offset=210", 20)],
)
def test_a_limit_cuts_and_minus_one_does_not(gallery: Client, query: str, count: int) -> None:
    assert len(gallery.rows(f"fields=id&{query}")) == count


def test_pages_count_from_one_and_zero_is_the_first_too(gallery: Client) -> None:
    first = gallery.rows("limit=10&page=1")
    assert gallery.rows("limit=10&page=0") == first
    assert gallery.rows("limit=10&page=2") == gallery.rows("limit=10&offset=10")
    assert gallery.rows("limit=10&page=1&offset=30") == first
    assert gallery.rows("limit=10&page=24") == []


def test_the_second_page_of_everything_is_everything_again(gallery: Client) -> None:
    assert len(gallery.rows("limit=-1&page=2&fields=id")) == OWN


def test_the_counts_come_with_the_page(gallery: Client) -> None:
    answer = gallery.list("limit=0&meta=*&filter[status][_eq]=failed")
    counts = {"total_count": OWN, "filter_count": having("failed")}
    assert answer == {"meta": counts, "data": []}
    assert gallery.list("limit=0&meta=filter_count")["meta"] == {"filter_count": OWN}
    assert gallery.list("limit=0&meta=filter_count,total_count")["meta"].keys() == counts.keys()
    assert gallery.refusal("limit=0&meta=sum") == INVALID_QUERY


def test_records_can_be_counted_by_status(server: Server, gallery: Client) -> None:
    # PostgreSQL's driver gives such a count as text
    number = str if server.database == "postgres" else int
    assert gallery.rows("aggregate[count]=*") == [{"count": number(OWN)}]
    groups = gallery.rows("aggregate[count]=*&groupBy[]=status")
    statuses = ("completed", "failed", "in-progress", "pending", "queued")
    assert sorted((row["status"], row["count"]) for row in groups) == [
        (status, number(having(status))) for status in statuses
    ]
    assert gallery.refusal("aggregate[count]=*&groupBy[]=date_updated") == FORBIDDEN


def test_fields_narrow_the_record(gallery: Client) -> None:
    assert list(gallery.rows("fields=id,status&limit=1")[0]) == ["id", "status"]
    whole = gallery.rows("limit=1")
    assert gallery.rows("fields[]=*&limit=1") == gallery.rows("fields=&limit=1") == whole


@pytest.mark.parametrize(
    "query", ["fields=date_updated", "fields=nope&limit=0", "filter[date_updated][_gte]=2020-01-01"]
)
def test_a_field_that_is_hidden_or_unknown_is_403(gallery: Client, query: str) -> None:
    assert gallery.refusal(query) == FORBIDDEN


def test_sorting_by_a_field_that_is_unknown_or_hidden(server: Server, gallery: Client) -> None:
    if server.major >= 11:
        assert gallery.refusal("sort=nope") == FORBIDDEN
        assert gallery.refusal("sort=-date_updated") == FORBIDDEN
    else:
        assert gallery.refusal("sort=nope") == SERVER_FAULT
        assert len(gallery.rows("sort=-date_updated&limit=1")) == 1


def test_sorting_by_time_and_id_gives_every_record_once(gallery: Client) -> None:
    fields = "fields=id,date_created"
    pages = [gallery.rows(f"sort=date_created,id&limit=50&page={n}&{fields}") for n in range(1, 6)]
    seen = [(row["date_created"], row["id"]) for page in pages for row in page]
    assert seen == sorted(set(seen))
    assert len(seen) == OWN
    newest = gallery.rows(f"sort=-date_created,-id&limit=1&{fields}")
    assert ids(newest) == [seen[-1][1]]


def test_nulls_come_first_on_sqlite_and_last_on_postgresql(server: Server, gallery: Client) -> None:
    ascending = [row["progress"] for row in gallery.rows("sort=progress&fields=progress&limit=-1")]
    present = [value for value in ascending if value is not None]
    nulls = [None] * (OWN - len(present))
    assert present == sorted(present)
    assert present
    assert ascending == ([*present, *nulls] if server.database == "postgres" else nulls + present)


def test_an_overtaken_image_is_in_progress_and_has_its_pictures(gallery: Client) -> None:
    images = gallery.rows('filter={"upscaled_urls":{"_nnull":true}}&limit=-1')
    overtaken = [image for image in images if image["status"] == "in-progress"]
    assert len(images) == having("completed") + len(overtaken)
    assert {image["progress"] for image in overtaken} == {93}
    assert {len(image["upscaled_urls"]) for image in overtaken} == {4}


def test_a_search_is_a_list_whose_parameters_are_in_its_body(gallery: Client) -> None:
    query = {"filter": {"status": {"_eq": "failed"}}, "limit": 3, "fields": ["id"], "sort": ["ref"]}
    found = gallery.search(query=query).json()["data"]
    assert found == gallery.rows("filter[status][_eq]=failed&limit=3&fields=id&sort=ref")
    assert len(found) == 3
    counted = gallery.search(query={"limit": 0, "meta": "filter_count"})
    assert counted.json() == {"meta": {"filter_count": OWN}, "data": []}


def test_a_search_can_name_its_keys(gallery: Client) -> None:
    wanted = ids(gallery.rows("limit=3"))
    unknown = "11111111-2222-4333-8444-555555555555"
    answer = gallery.search(keys=[*wanted, unknown], query={"fields": ["id"]})
    assert answer.json()["data"] == [{"id": id} for id in wanted]
    # one that is no uuid refuses them all
    assert refusal(gallery.search(keys=[*wanted, "unknown"], query={})) == FORBIDDEN


@pytest.mark.parametrize("query", ["limit=many", "limit=-2", "limit=1.5", "page=-1", "offset=-1"])
def test_a_number_that_is_none_is_400(gallery: Client, query: str) -> None:
    assert gallery.refusal(query) == INVALID_QUERY


def test_an_unchanged_list_is_304(gallery: Client) -> None:
    page = f"{IMAGES}?limit=1"
    etag = gallery.ask("GET", page).headers["ETag"]
    assert etag.startswith('W/"')
    again = gallery.ask("GET", page, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    other = gallery.ask("GET", f"{IMAGES}?limit=2", headers={"If-None-Match": etag})
    assert other.status_code == 200


def test_a_url_over_16_kb_is_431_with_no_body(gallery: Client) -> None:
    response = gallery.ask("GET", f"{IMAGES}?filter[id][_in]={'a' * 16_400}")
    assert (response.status_code, response.content) == (431, b"")
