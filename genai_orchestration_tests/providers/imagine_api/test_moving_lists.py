"""Lists that change while they are read: who was there all along is read exactly once."""

import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from genai_orchestration.providers.imagine_api import api, listing
from genai_orchestration.providers.imagine_api.client import ImageClient
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.shapes import Record
from genai_orchestration_tests.providers.imagine_api.account import (
    apart,
    at,
    client,
    ids,
)
from genai_orchestration_tests.providers.loading import midnight

MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of seven, each asked for when the one before has been taken."""
    monkeypatch.setattr(listing, "PAGE", 7)
    monkeypatch.setattr(listing, "AHEAD", 1)


@pytest.fixture
def noon(sandbox: Sandbox) -> datetime:
    return midnight(sandbox, -1) + timedelta(hours=12)


def test_images_deleted_behind_the_reader_hide_none_before_it(
    sandbox: Sandbox, images: ImagineApiSandbox, noon: datetime
) -> None:
    there = images.add(apart(noon, 40, MINUTE))[::-1]
    reading = listing.read(client(sandbox))
    found = ids([next(reading), next(reading)])
    for gone in there[:3]:
        images.remove(gone)
    assert found + ids(reading) == there


def test_a_list_that_shrinks_below_its_next_page_is_still_read_to_its_end(
    sandbox: Sandbox, images: ImagineApiSandbox, noon: datetime
) -> None:
    there = images.add(apart(noon, 8, MINUTE))[::-1]
    reading = listing.read(client(sandbox))
    found = ids([next(reading)])
    assert found == there[:7]
    for gone in there[:2]:
        images.remove(gone)
    assert found + ids(reading) == there


def test_images_inserted_behind_the_reader_are_no_reason_to_read_one_twice(
    sandbox: Sandbox, images: ImagineApiSandbox, noon: datetime
) -> None:
    there = images.add(apart(noon, 40, MINUTE))[::-1]
    reading = listing.read(client(sandbox))
    found = ids([next(reading), next(reading)])
    images.add(apart(noon - timedelta(hours=3), 5, MINUTE))
    assert found + ids(reading) == there


def test_images_of_one_millisecond_over_many_pages_are_read_once_when_the_list_moves(
    sandbox: Sandbox, images: ImagineApiSandbox, noon: datetime
) -> None:
    first = images.add(at(noon - MINUTE))[0]
    there = images.add([*at(*[noon] * 30), *at(noon + MINUTE)])
    reading = listing.read(client(sandbox))
    found = ids([next(reading), next(reading), next(reading)])
    images.remove(first)
    assert sorted(found + ids(reading)) == sorted([first, *there])


def test_images_appended_while_the_list_is_read_are_read_too(
    sandbox: Sandbox, images: ImagineApiSandbox, noon: datetime
) -> None:
    there = images.add(apart(noon, 20, MINUTE))[::-1]
    reading = listing.read(client(sandbox))
    found = ids([next(reading)])
    appended = images.add(apart(noon + timedelta(hours=2), 30, MINUTE))[::-1]
    assert found + ids(reading) == there + appended


@pytest.mark.parametrize("number", range(3, 16))
def test_an_image_that_is_missing_from_one_answer_hides_no_other_one(
    sandbox: Sandbox,
    images: ImagineApiSandbox,
    noon: datetime,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """The list moves, and moves back: its places look the same before and after."""
    images.query_limit_max = 1
    oldest, *there = images.add(apart(noon, 6, MINUTE))[::-1]
    reader, read = client(sandbox), ImageClient.images
    requests = itertools.count(1)

    def moved_for_one_request(client: ImageClient, **params: object) -> list[Record]:
        if next(requests) != number:
            return read(client, **params)
        image = images.images.pop(oldest)
        try:
            return read(client, **params)
        finally:
            images.images[oldest] = image

    monkeypatch.setattr(ImageClient, "images", moved_for_one_request)
    found = ids(listing.read(reader))
    assert len(found) == len(set(found))
    assert set(there) <= set(found)


@pytest.mark.parametrize(("ahead", "limit"), [(1, None), (8, None), (1, 1), (8, 1), (1, 2), (8, 2)])
@pytest.mark.parametrize("seed", range(6))
def test_whoever_is_there_all_along_is_read_exactly_once(
    sandbox: Sandbox,
    images: ImagineApiSandbox,
    noon: datetime,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    ahead: int,
    limit: int | None,
) -> None:
    monkeypatch.setattr(listing, "AHEAD", ahead)
    images.query_limit_max = limit
    chance = random.Random(seed)

    def somewhen() -> datetime:
        return noon + chance.randrange(25) * MS  # many share a millisecond

    there = set(images.add(at(*(somewhen() for _ in range(100 if limit is None else 20)))))
    found: list[str] = []
    for page in listing.read(client(sandbox)):
        found += [record["id"] for record in page]
        for gone in chance.sample(sorted(images.images), chance.randrange(3)):
            images.remove(gone)
            there.discard(gone)
        images.add(at(*(somewhen() for _ in range(chance.randrange(3)))))
        if len(found) > 400:
            break
    assert len(found) == len(set(found))
    assert there <= set(found)


def test_a_list_that_never_stands_still_is_given_up_in_words(
    sandbox: Sandbox, images: ImagineApiSandbox, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "RESTARTS", 3)
    images.add(apart(noon, 60, MINUTE))

    def read_and_delete() -> Iterator[api.Page]:
        for page in listing.read(client(sandbox)):
            yield page
            images.remove(page[-1]["id"])

    with pytest.raises(Unavailable, match="changes faster than it can be read"):
        list(read_and_delete())


def test_images_that_appear_late_behind_the_reader_are_read_at_the_end(
    sandbox: Sandbox, images: ImagineApiSandbox
) -> None:
    now = sandbox.clock.now()
    there = images.add(apart(now, 30, timedelta(seconds=20)))[::-1]
    reading = listing.read_window(
        client(sandbox), api.Window(midnight(sandbox, -1).date()), now=now
    )
    found = ids([next(reading), next(reading), next(reading)])
    late = images.add(at(now - 9 * MINUTE, now - 8 * MINUTE))
    found += ids(reading)
    assert sorted(found) == sorted(there + late)


def test_what_came_late_on_the_last_day_is_read_just_after_midnight(
    sandbox: Sandbox, images: ImagineApiSandbox
) -> None:
    day = midnight(sandbox)
    there = images.add(apart(day - MINUTE, 30, timedelta(seconds=15)))
    window = api.Window(midnight(sandbox, -1).date(), day.date())
    reading = listing.read_window(client(sandbox), window, now=day + MINUTE)
    found = ids([next(reading), next(reading), next(reading)])
    late = images.add(at(day - 8 * MINUTE))
    found += ids(reading)
    assert sorted(found) == sorted(there + late)


def test_a_window_that_is_long_over_is_read_once(
    sandbox: Sandbox, images: ImagineApiSandbox, noon: datetime
) -> None:
    images.add(apart(noon, 3, MINUTE))
    window = api.Window(noon.date(), (noon + timedelta(days=1)).date())
    late = noon + timedelta(days=2)
    assert len(ids(listing.read_window(client(sandbox), window, now=late))) == 3
    assert len(sandbox.traffic.calls) == 1
