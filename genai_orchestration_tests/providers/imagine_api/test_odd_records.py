"""Records of other people's servers: in another case, undated, without a zone, half readable."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone

import pytest

from genai_orchestration.archive import archiving
from genai_orchestration.errors import plain
from genai_orchestration.providers.base import Account, Counts
from genai_orchestration.providers.imagine_api import PROVIDER, api, imagine_api_source, listing
from genai_orchestration.providers.imagine_api.client import NEEDED, Unreadable, image_list
from genai_orchestration.providers.imagine_api.files import files
from genai_orchestration.providers.imagine_api.jobs import report_of
from genai_orchestration.providers.imagine_api.listing import ImageCounter
from genai_orchestration.providers.imagine_api.pages import sound
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.refusals import Unavailable, WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.shapes import Misshapen
from genai_orchestration.providers.states import JobState
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.account import (
    apart,
    at,
    client,
    emptied,
    ids,
    load_images,
    raw,
    stored,
)
from genai_orchestration_tests.providers.imagine_api.odd_records import hide_dates, respell, show
from genai_orchestration_tests.providers.loading import midnight, read, select
from genai_orchestration_tests.support.doubles import replace

BEGINNING = date(2023, 1, 1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def images(sandbox: Sandbox) -> ImagineApiSandbox:
    return emptied(sandbox)


def account(sandbox: Sandbox) -> Account:
    return Account(api_key=KEY, base_url=sandbox.base_url("imagine_api"))


@pytest.mark.parametrize("spelling", [str.capitalize, str.title, str.upper])
def test_a_status_in_another_case_means_what_it_means(
    sandbox: Sandbox,
    settings: Settings,
    images: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
    spelling: Callable[[str], str],
) -> None:
    respell(monkeypatch, spelling)
    done, failed, waiting, rendering = images.add(
        [
            Spec(seconds=-60),
            Spec(outcome="failed", seconds=-60),
            Spec(outcome="pending"),
            Spec(outcome="stuck", seconds=-60),
        ]
    )
    rows = {row["id"]: row for row in read(imagine_api_source(), "images")}
    assert {id_: row["state"] for id_, row in rows.items()} == {
        done: "SUCCEEDED",
        failed: "FAILED",
        waiting: "QUEUED",
        rendering: "RUNNING",
    }
    assert rows[done]["status"] == spelling("completed")
    assert ImageCounter(client(sandbox)).counts(BEGINNING, None) == Counts(2, 2)
    finished = read(imagine_api_source(finished_only=True), "images")
    assert {row["id"] for row in finished} == {done, failed}
    assert next(file.role for file in files(rows[done], "http://x")) == "grid"
    assert report_of(rows[failed]).state is JobState.FAILED


def test_an_image_that_failed_in_another_case_is_not_opened_again(
    sandbox: Sandbox,
    settings: Settings,
    images: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    respell(monkeypatch, str.capitalize)
    id_ = images.add([Spec(outcome="failed", seconds=-60)])[0]
    load_images(settings)
    final = stored(settings, id_)
    assert final[:2] == ("Failed", "FAILED")
    images.remove(id_)
    images.add([Spec(id=id_, outcome="pending")])
    load_images(settings)
    assert stored(settings, id_) == final


def test_a_word_is_open_where_it_is_loaded_and_where_it_is_counted(
    sandbox: Sandbox, images: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    respell(monkeypatch, lambda word: f" {word.swapcase()[:-1]}d")
    images.add([Spec(outcome="failed", seconds=-60)])
    counted = ImageCounter(client(sandbox)).counts(BEGINNING, None)
    assert [row["state"] for row in read(imagine_api_source(), "images")] == ["RUNNING"]
    assert counted == Counts(unfinished=1, finished=0)


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's own clock is nine hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


ZONELESS: dict[str, Callable[[str], str]] = {
    "no zone": lambda sent: sent.removesuffix("Z"),
    "no zone, whole seconds": lambda sent: sent[:19],
    "an offset": lambda sent: sent.replace("Z", "+00:00"),
    "whole seconds": lambda sent: f"{sent[:19]}Z",
}


@pytest.mark.usefixtures("tokyo")
@pytest.mark.parametrize("form", ZONELESS)
def test_a_date_without_a_zone_is_utc_in_every_form(
    sandbox: Sandbox,
    settings: Settings,
    images: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    monkeypatch.setattr(listing, "PAGE", 3)
    show(monkeypatch, "date_created", lambda row: ZONELESS[form](row.image.date_created))
    noon = midnight(sandbox, -3) + 12 * HOUR
    images.add(apart(noon + timedelta(milliseconds=250), 7, HOUR))
    images.add(at(noon + HOUR, outcome="stuck"))
    load_images(settings, start=noon.date(), end=noon.date() + timedelta(days=1))
    sql = "SELECT count(*), max(date_created) FROM {images}"
    (rows, newest) = select(settings, PROVIDER, sql)[0]
    assert (rows, newest.astimezone(timezone.utc)) == (8, noon + HOUR)
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'images'"
    assert ("date_created__as_sent",) not in select(settings, PROVIDER, columns)
    counter = ImageCounter(client(sandbox))
    assert counter.oldest_unfinished(BEGINNING) == noon + HOUR
    assert list(counter.unfinished_days(BEGINNING, midnight(sandbox).date())) == [noon.date()]


@pytest.mark.usefixtures("tokyo")
@pytest.mark.parametrize("form", ZONELESS)
def test_what_came_late_is_read_once_in_every_form(
    sandbox: Sandbox, images: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(listing, "PAGE", 4)
    show(monkeypatch, "date_created", lambda row: ZONELESS[form](row.image.date_created))
    now = sandbox.clock.now()
    there = images.add(apart(now, 20, MINUTE))
    reading = listing.read_window(
        client(sandbox), api.Window(midnight(sandbox, -1).date()), now=now
    )
    found = ids([next(reading), next(reading), next(reading)])
    late = images.add(at(now - 9 * MINUTE + timedelta(seconds=7)))
    found += ids(reading)
    assert sorted(found) == sorted([*there, *late])


def test_the_first_minutes_of_a_day_are_not_read_from_the_day_before(
    sandbox: Sandbox, images: ImagineApiSandbox
) -> None:
    day = midnight(sandbox)
    images.add(at(day - MINUTE))
    first = images.add(at(day, day + 4 * MINUTE))
    window = api.Window(day.date(), (day + timedelta(days=1)).date())
    assert ids(listing.read_window(client(sandbox), window, now=day + 5 * MINUTE)) == first


def test_a_server_that_names_other_days_than_it_filters_by_is_asked_to_the_end(
    sandbox: Sandbox, images: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = midnight(sandbox, -3)
    images.add(at(edge + HOUR, edge + timedelta(days=1, hours=1), outcome="stuck"))
    # as a column without a zone on a server whose own clock is behind UTC
    replace(monkeypatch, listing, "parsed", lambda moment: api.parsed(moment) - 2 * HOUR)
    found = ImageCounter(client(sandbox)).unfinished_days(edge.date(), midnight(sandbox).date())
    assert list(found) == [edge.date(), edge.date() + timedelta(days=1)]


def test_an_image_without_a_date_stops_no_other_and_is_loaded_by_id(
    sandbox: Sandbox,
    settings: Settings,
    images: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dated, undated = images.add(at(midnight(sandbox, -1), midnight(sandbox, -2)))
    hide_dates(monkeypatch, [undated])
    load_images(settings)
    load_images(settings, ids=[dated, undated])
    sql = "SELECT id, state, date_created IS NULL FROM {images}"
    assert set(select(settings, PROVIDER, sql)) == {
        (dated, "SUCCEEDED", False),
        (undated, "SUCCEEDED", True),
    }
    assert f"Without date_created, and so in no day: {undated}" in caplog.text
    archiving.archive(PROVIDER, settings)
    sql = "SELECT job_id, count(*) FROM {asset_file} WHERE state = 'archived' GROUP BY job_id"
    assert dict(select(settings, PROVIDER, sql)) == {dated: 5, undated: 5}
    (finding,) = (each for each in PROVIDER.examine(account(sandbox)) if each.broken)
    assert finding.message.startswith(
        "Images of ImagineAPI without date_created: 1. They are in no"
    )


@pytest.mark.parametrize("counts", [True, False])
def test_images_that_no_day_holds_are_counted_by_the_reason(
    sandbox: Sandbox,
    images: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
    counts: bool,
) -> None:
    images.counts = counts
    today = midnight(sandbox)
    _, *undated = images.add(at(today, *[today] * 3))
    images.add([Spec(date_created="1970-01-01"), Spec(date_created="2099-01-01")])
    hide_dates(monkeypatch, undated)
    end = today.date() + timedelta(days=2)
    counter = ImageCounter(client(sandbox))
    assert counter.in_no_day(BEGINNING, end) == {
        "without date_created": 3,
        f"on or after {end}": 1,
        "before 2023-01-01": 1,
    }
    assert "before 2023-01-01" not in counter.in_no_day(None, end)


@pytest.mark.parametrize("field", NEEDED)
def test_a_field_that_the_token_may_not_read_is_named(
    sandbox: Sandbox, images: ImagineApiSandbox, field: str
) -> None:
    known = images.add([*at(midnight(sandbox, -1)), Spec(outcome="stuck")])
    images.unreadable = {field}
    words = f"the token may not read {field}: add it to the role"
    (finding,) = PROVIDER.examine(account(sandbox))
    assert finding.broken
    assert words in finding.message
    for chosen in ({}, {"finished_only": True}, {"ids": known}):
        with pytest.raises(Exception, match=words) as caught:
            read(imagine_api_source(**chosen), "images")
        assert isinstance(plain(caught.value), Unreadable)
    if field in ("date_created", "status", "upscaled_urls"):  # what counting asks for
        with pytest.raises(Unreadable, match=words):
            ImageCounter(client(sandbox)).counts(BEGINNING, None)


def test_all_fields_that_the_token_may_not_read_are_named_at_once(
    sandbox: Sandbox, images: ImagineApiSandbox
) -> None:
    images.unreadable = {"status", "url"}
    with pytest.raises(Unreadable, match="may not read status, url: add them to the role"):
        ImageCounter(client(sandbox)).counts(BEGINNING, None)


def test_a_key_that_may_read_nothing_is_what_is_named(
    sandbox: Sandbox, images: ImagineApiSandbox
) -> None:
    images.add([Spec()])
    images.unreadable = {*raw(sandbox)[0]}
    with pytest.raises(WrongSetting, match=r"answered 403 .* may not read this") as caught:
        ImageCounter(client(sandbox)).counts(BEGINNING, None)
    assert not isinstance(caught.value, Unreadable)
    with pytest.raises(WrongSetting, match=r"answered 403 .* may not read this"):
        list(PROVIDER.examine(account(sandbox)))


def test_a_field_that_can_be_done_without_is_missed_aloud(
    sandbox: Sandbox, images: ImagineApiSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    images.add([Spec(seconds=-60)])
    images.unreadable = {"error", "upscaled"}
    images.has_ref = False
    with caplog.at_level(logging.WARNING):
        (row,) = read(imagine_api_source(), "images")
    assert (row["error"], row["upscaled"], row["ref"]) == (None, None, None)
    words = "the token may not read error, upscaled: add them to the role"
    assert words in caplog.text
    first, *others = PROVIDER.examine(account(sandbox))
    assert (first.mark, first.broken) == ("--  ", False)
    assert words in first.message
    assert not any(finding.broken for finding in others)


def test_a_server_without_refs_is_well(sandbox: Sandbox, images: ImagineApiSandbox) -> None:
    images.has_ref = False
    assert [finding.mark for finding in PROVIDER.examine(account(sandbox))] == ["ok  "]


def test_fields_and_forms_of_other_clients_are_kept(
    sandbox: Sandbox,
    settings: Settings,
    images: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images.add([Spec(outcome="stuck", seconds=-60)])
    show(monkeypatch, "progress", lambda row: "93%")
    show(monkeypatch, "model_type", lambda row: "MJ")
    show(monkeypatch, "integration_id", lambda row: 7)
    load_images(settings)
    sql = "SELECT progress, progress__as_sent, model_type, integration_id FROM {images}"
    assert select(settings, PROVIDER, sql) == [(None, '"93%"', '"MJ"', "7")]


def test_a_server_that_counts_its_images_gives_them_all(
    sandbox: Sandbox,
    settings: Settings,
    images: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "PAGE", 4)
    own = images.add(apart(midnight(sandbox), 11, MINUTE))
    show(monkeypatch, "id", lambda row: own.index(row.image.id))
    load_images(settings)
    numbers = {str(number) for number in range(11)}
    assert {row[0] for row in select(settings, PROVIDER, "SELECT id FROM {images}")} == numbers


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("an image", "something else than objects"),
        ({"user_created": "x"}, "something else than images"),
        ({"id": None, "date_created": "2026-11-01T00:00:00Z"}, "an image that has no 'id'"),
    ],
)
def test_what_is_no_list_of_images_is_refused(record: object, words: str) -> None:
    with pytest.raises(Misshapen, match=re.escape(words)):
        image_list({"data": [record]})


@pytest.mark.parametrize("moment", [None, 1])
def test_an_image_of_no_day_in_answer_to_days_is_asked_for_again(moment: object) -> None:
    with pytest.raises(Unavailable, match="the image 7, which is of no day"):
        sound([{"id": "7", "date_created": moment}])


@pytest.mark.usefixtures("tokyo")
def test_the_forms_of_a_moment_are_one() -> None:
    moment = datetime(2026, 11, 1, 10, tzinfo=timezone.utc)
    forms = ["T10:00:00Z", "T10:00:00.000Z", "T10:00:00", " 10:00:00", "T12:00:00+02:00"]
    assert {api.parsed(f"2026-11-01{form}") for form in forms} == {moment}
