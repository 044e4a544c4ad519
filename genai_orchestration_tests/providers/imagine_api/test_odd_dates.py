"""Dates of other people's servers: without a zone, in other forms, of no day, or none at all."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import pytest

from genai_orchestration.archive import archiving
from genai_orchestration.providers.imagine_api import PROVIDER, api, listing
from genai_orchestration.providers.imagine_api.counter import ImageCounter
from genai_orchestration.providers.imagine_api.pages import sound
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.account import (
    BEGINNING,
    MINUTE,
    account,
    apart,
    at,
    client,
    ids,
    load_images,
)
from genai_orchestration_tests.providers.imagine_api.odd_records import hide_dates, show
from genai_orchestration_tests.providers.loading import midnight, select
from genai_orchestration_tests.support.doubles import replace

HOUR = timedelta(hours=1)


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


@pytest.mark.parametrize("moment", [None, 1])
def test_an_image_of_no_day_in_answer_to_days_is_asked_for_again(moment: object) -> None:
    with pytest.raises(Unavailable, match="the image 7, which is of no day"):
        sound([{"id": "7", "date_created": moment}])


@pytest.mark.usefixtures("tokyo")
def test_the_forms_of_a_moment_are_one() -> None:
    moment = datetime(2026, 11, 1, 10, tzinfo=timezone.utc)
    forms = ["T10:00:00Z", "T10:00:00.000Z", "T10:00:00", " 10:00:00", "T12:00:00+02:00"]
    assert {api.parsed(f"2026-11-01{form}") for form in forms} == {moment}
