"""Images by window and by id: all of them, once, whatever the server is like."""

import logging
import uuid
from datetime import date, timedelta

import orjson
import pytest

from genai_orchestration.errors import plain
from genai_orchestration.providers.imagine_api import PROVIDER, imagine_api_source, listing, source
from genai_orchestration.providers.imagine_api.sandbox import record
from genai_orchestration.providers.imagine_api.sandbox.images import OTHER_USER, OWN_USER, Spec
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.account import (
    LIST,
    apart,
    at,
    client,
    emptied,
    ids,
    load_images,
    raw,
    state,
)
from genai_orchestration_tests.providers.loading import (
    Row,
    calls,
    midnight,
    pages,
    read,
    select,
)
from genai_orchestration_tests.support.doubles import replace

MS = timedelta(milliseconds=1)
OWN = 600  # images that every sandbox starts with
JSON_FIELDS = ("upscaled_urls", "upscaled")


def as_sent(row: Row) -> Row:
    """A row as the API sent it."""
    shown = {**row, "date_created": row["date_created"].isoformat(timespec="milliseconds")}
    shown["date_created"] = shown["date_created"].replace("+00:00", "Z")
    del shown["state"]
    return shown | {name: orjson.loads(row[name] or "null") for name in JSON_FIELDS}


def test_every_field_of_every_image_arrives_as_it_was_sent(sandbox: Sandbox) -> None:
    rows = {row["id"]: as_sent(row) for row in read(imagine_api_source(), "images")}
    assert len(rows) == OWN
    assert rows == {image["id"]: image for image in raw(sandbox)}
    assert len(calls(sandbox, LIST)) == 3  # all 600 at once, what came late, and `raw`


def test_every_image_is_one_row_of_one_table(sandbox: Sandbox, settings: Settings) -> None:
    load_images(settings)
    sql = "SELECT count(*), count(DISTINCT id), min(state), count(upscaled_urls) FROM {images}"
    finished = sum(image["upscaled_urls"] is not None for image in raw(sandbox))
    assert select(settings, PROVIDER, sql) == [(OWN, OWN, "FAILED", finished)]
    urls = "SELECT upscaled_urls, upscaled FROM {images} WHERE status = 'completed' LIMIT 1"
    shown, files = (orjson.loads(value) for value in select(settings, PROVIDER, urls)[0])
    assert len(shown) == len(files) == 4
    assert select(settings, PROVIDER, "SELECT typeof(upscaled) FROM {images} LIMIT 1") == [
        ("JSON",)
    ]


def test_the_two_lists_of_quadrants_keep_their_own_order(sandbox: Sandbox) -> None:
    rows = [row for row in read(imagine_api_source(), "images") if row["upscaled_urls"]]
    in_picture = [
        [url.split("/")[-2] for url in orjson.loads(row["upscaled_urls"])] for row in rows
    ]
    by_id = [orjson.loads(row["upscaled"]) for row in rows]
    assert [sorted(quadrants) for quadrants in in_picture] == by_id
    assert in_picture != by_id


def test_a_window_holds_its_first_instant_and_not_its_last(sandbox: Sandbox) -> None:
    images = emptied(sandbox)
    day, next_day = midnight(sandbox, -3), midnight(sandbox, -2)
    before, first, last, after = images.add(at(day - MS, day, next_day - MS, next_day))
    loaded = read(imagine_api_source(start=day.date(), end=next_day.date()), "images")
    assert [row["id"] for row in loaded] == [first, last]
    loaded = read(imagine_api_source(start=next_day.date()), "images")
    assert [row["id"] for row in loaded] == [after]
    loaded = read(imagine_api_source(end=day.date()), "images")
    assert [row["id"] for row in loaded] == [before]


def test_the_configured_start_is_where_loading_begins(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = emptied(sandbox)
    day = midnight(sandbox, -3)
    _, kept = images.add(at(day - MS, day))
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__START_DATE", day.date().isoformat())
    assert [row["id"] for row in read(imagine_api_source(), "images")] == [kept]


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("number", [0, 1, 6, 7, 8, 13, 14, 20, 37])
def test_pages_end_where_the_list_ends(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, number: int, counts: bool
) -> None:
    monkeypatch.setattr(listing, "PAGE", 7)
    images = emptied(sandbox)
    images.counts = counts
    added = images.add(apart(midnight(sandbox), number, timedelta(minutes=1)))
    assert ids(listing.read(client(sandbox))) == added[::-1]


def test_images_of_the_same_millisecond_cross_the_border_of_a_page_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 7)
    noon = midnight(sandbox) - timedelta(hours=12)
    images = emptied(sandbox)
    added = images.add([*at(*[noon] * 5), *at(*[noon + MS] * 20), *at(*[noon + 2 * MS] * 5)])
    found = ids(listing.read(client(sandbox)))
    assert sorted(found) == sorted(added)


def test_a_server_with_short_pages_gives_all_images(sandbox: Sandbox) -> None:
    state(sandbox).query_limit_max = 200
    assert len({row["id"] for row in read(imagine_api_source(), "images")}) == OWN


def test_a_server_that_does_not_count_gives_all_images(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 100)
    state(sandbox).counts = False
    assert len({row["id"] for row in read(imagine_api_source(), "images")}) == OWN


def test_a_server_without_refs_gives_all_images(sandbox: Sandbox, settings: Settings) -> None:
    state(sandbox).has_ref = False
    load_images(settings)
    sql = "SELECT count(*), count(ref), min(typeof(ref)) FROM {images}"
    assert select(settings, PROVIDER, sql) == [(OWN, 0, "VARCHAR")]


def test_an_image_that_a_list_gives_again_far_behind_is_still_one_row(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = raw(sandbox)
    monkeypatch.setattr(source, "ROWS_PER_TABLE", 100)
    replace(monkeypatch, listing, "read_window", lambda *_, **__: iter([images, images[:5]]))
    load_images(settings)
    sql = "SELECT count(*), count(DISTINCT id) FROM {images}"
    assert select(settings, PROVIDER, sql) == [(OWN, OWN)]


def test_finished_only_leaves_out_what_is_still_open(sandbox: Sandbox) -> None:
    all_states = {row["id"]: row["state"] for row in read(imagine_api_source(), "images")}
    finished = {row["id"] for row in read(imagine_api_source(finished_only=True), "images")}
    assert finished == {id for id, state in all_states.items() if state in ("SUCCEEDED", "FAILED")}
    assert finished < set(all_states)


def test_images_by_id_come_in_hundreds(sandbox: Sandbox) -> None:
    own = [image["id"] for image in raw(sandbox)][:250]
    sandbox.traffic.calls.clear()
    chosen = [own[0].upper(), *own[1:], own[1]]
    read_pages = list(pages(imagine_api_source(ids=chosen), "images"))
    assert sorted(row["id"] for page in read_pages for row in page) == sorted(own)
    assert len(calls(sandbox, LIST)) == 3


def test_ids_that_the_account_does_not_have_are_named(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    images = state(sandbox)
    by_user = {image.user: image.id for image in images.images.values()}
    deleted = images.add([Spec()])[0]
    images.remove(deleted)
    absent = [deleted, by_user[OTHER_USER], str(uuid.uuid4())]
    rows = read(imagine_api_source(ids=[by_user[OWN_USER], *absent]), "images")
    assert [row["id"] for row in rows] == [by_user[OWN_USER]]
    (warning,) = (entry.message for entry in caplog.records if "no such image" in entry.message)
    assert all(id in warning for id in absent)
    assert by_user[OWN_USER] not in warning


def test_no_ids_are_no_images_and_no_request(sandbox: Sandbox) -> None:
    assert read(imagine_api_source(ids=[]), "images") == []
    assert calls(sandbox, LIST) == []


@pytest.mark.parametrize("wrong", ["42", "", "126353b1-2c3e-42af-9597-b141c0e50fae,", "../users"])
def test_what_is_no_id_is_refused_before_any_request(sandbox: Sandbox, wrong: str) -> None:
    known = raw(sandbox)[0]["id"]
    sandbox.traffic.calls.clear()
    with pytest.raises(Exception, match="is not an ImagineAPI image id") as caught:
        read(imagine_api_source(ids=[known, wrong]), "images")
    assert isinstance(plain(caught.value), WrongSetting)
    assert list(sandbox.traffic.calls) == []


def test_a_status_word_that_is_new_is_kept_and_means_open(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    id = state(sandbox).add([Spec(outcome="pending", waits_as="dreaming")])[0]
    row = read(imagine_api_source(ids=[id]), "images")[0]
    assert (row["status"], row["state"]) == ("dreaming", "RUNNING")
    assert "dreaming" in caplog.text


def test_a_field_that_is_new_is_kept_and_told(
    sandbox: Sandbox,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_images(settings)
    monkeypatch.setitem(record.READABLE, "model", ("json", lambda row: {"name": "MJ"}))
    monkeypatch.setitem(record.READERS, "model", lambda row: {"name": "MJ"})
    with caplog.at_level(logging.WARNING):
        load_images(settings)
    sql = "SELECT count(*), count(DISTINCT id), min(model) FROM {images}"
    assert select(settings, PROVIDER, sql) == [(OWN, OWN, '{"name":"MJ"}')]
    assert "new in images; kept as JSON: ['model']" in caplog.text


def test_a_window_without_images_is_an_empty_load(sandbox: Sandbox, settings: Settings) -> None:
    load_images(settings)
    load_images(settings, start=date(2023, 1, 1), end=date(2023, 1, 2))
    assert select(settings, PROVIDER, "SELECT count(*) FROM {images}") == [(OWN,)]
