"""Counting images by UTC day, for a sensor: few small requests, however many images there are."""

from datetime import date, timedelta

import pytest

from genai_orchestration.providers.base import Counts
from genai_orchestration.providers.imagine_api.counter import ImageCounter
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration.providers.imagine_api.source import image_counter
from genai_orchestration.providers.refusals import MissingKey, RateLimited
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.providers.imagine_api.account import LIST, at, emptied, raw, state
from genai_orchestration_tests.providers.loading import calls, midnight

BEGINNING = date(2023, 1, 1)
MS = timedelta(milliseconds=1)


@pytest.fixture(params=[True, False], ids=["counts", "refuses to count"])
def images(sandbox: Sandbox, request: pytest.FixtureRequest) -> ImagineApiSandbox:
    """An account without images, of a server that counts, and of one that does not."""
    found = emptied(sandbox)
    found.counts = request.param
    return found


@pytest.fixture
def counter(sandbox: Sandbox) -> ImageCounter:
    return image_counter()


def days(sandbox: Sandbox, *before: int) -> list[date]:
    return [midnight(sandbox, -number).date() for number in before]


def test_open_and_finished_images_of_some_days_are_counted(
    sandbox: Sandbox, images: ImagineApiSandbox, counter: ImageCounter
) -> None:
    first, second, third = (midnight(sandbox, -number) for number in (3, 2, 1))
    images.add(at(first - MS, second, third, outcome="stuck"))
    images.add(at(first, first + MS, third - MS))
    images.add(at(first, outcome="failed"))
    images.add(at(first, outcome="late"))
    images.add(at(first, outcome="pending", waits_as="dreaming"))
    images.add(at(first, foreign=True))
    assert counter.counts(first.date(), second.date()) == Counts(unfinished=1, finished=4)
    assert counter.counts(first.date(), third.date()) == Counts(unfinished=2, finished=5)
    assert counter.counts(first.date(), None) == Counts(unfinished=3, finished=5)
    assert counter.counts(third.date() + timedelta(days=5), None) == Counts(0, 0)


def test_every_image_counts_as_open_or_as_finished(sandbox: Sandbox, counter: ImageCounter) -> None:
    found = counter.counts(BEGINNING, None)
    assert found.unfinished + found.finished == len(raw(sandbox))
    assert found.unfinished > 5
    assert found.finished > 500


def test_days_with_open_images_are_named_once(
    sandbox: Sandbox, images: ImagineApiSandbox, counter: ImageCounter
) -> None:
    edge = midnight(sandbox, -9)
    images.add(at(edge, edge + MS, edge + timedelta(days=2, hours=5), outcome="stuck"))
    images.add(at(edge + timedelta(days=1) - MS, outcome="pending"))
    images.add(at(edge + timedelta(days=1), outcome="completed"))
    images.add(at(edge + timedelta(days=3), outcome="late"))
    images.add(at(edge + timedelta(days=4), outcome="failed"))
    ninth, eighth, seventh = days(sandbox, 9, 8, 7)
    assert list(counter.unfinished_days(BEGINNING, midnight(sandbox).date())) == [ninth, seventh]
    assert list(counter.unfinished_days(eighth, midnight(sandbox).date())) == [seventh]
    assert list(counter.unfinished_days(ninth, seventh)) == [ninth]
    assert list(counter.unfinished_days(seventh, seventh)) == []


def test_the_oldest_open_image_is_found(
    sandbox: Sandbox, images: ImagineApiSandbox, counter: ImageCounter
) -> None:
    assert counter.oldest_unfinished(BEGINNING) is None
    old, older = midnight(sandbox, -2) + 524 * MS, midnight(sandbox, -5)
    images.add(at(old, older, outcome="stuck"))
    images.add(at(older - MS, outcome="late"))
    assert counter.oldest_unfinished(BEGINNING) == older
    assert counter.oldest_unfinished(old.date()) == old
    assert counter.oldest_unfinished(old.date() + timedelta(days=1)) is None


def test_two_thousand_open_images_need_no_more_requests_than_twenty(
    sandbox: Sandbox, counter: ImageCounter
) -> None:
    images = emptied(sandbox)

    def asked() -> list[int]:
        numbers = []
        for ask in (
            lambda: counter.counts(BEGINNING, None),
            lambda: list(counter.unfinished_days(BEGINNING, midnight(sandbox).date())),
            lambda: counter.oldest_unfinished(BEGINNING),
        ):
            sandbox.traffic.calls.clear()
            ask()
            numbers.append(len(calls(sandbox, LIST)))
        return numbers

    def some(number: int) -> list[Spec]:
        first, second = iso(midnight(sandbox, -5)), iso(midnight(sandbox, -3))
        stuck = Spec(outcome="stuck", seconds=-60)
        return [
            Spec(**{**vars(stuck), "date_created": first if place % 2 else second})
            for place in range(number)
        ]

    images.add(some(20))
    few = asked()
    images.add(some(2_000))
    assert asked() == few == [2, 3, 1]
    assert counter.counts(BEGINNING, None) == Counts(2_020, 0)


def test_a_sensor_does_not_sit_out_long_waits(sandbox: Sandbox, counter: ImageCounter) -> None:
    sandbox.traffic.faults.append(Fault(kind="status", status=429, retry_after="5"))
    with pytest.raises(RateLimited) as caught:
        counter.oldest_unfinished(BEGINNING)
    assert caught.value.retry_after == 5
    assert len(calls(sandbox, LIST)) == 1


def test_a_counter_without_a_key_says_so_before_it_asks(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__IMAGINE_API_SOURCE__API_KEY")
    with pytest.raises(MissingKey, match=r"\[sources\.imagine_api_source\]"):
        image_counter()
    assert state(sandbox) is not None
    assert list(sandbox.traffic.calls) == []
