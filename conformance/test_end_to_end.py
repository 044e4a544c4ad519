"""The product on a real Directus: the sensor, a backfill, the files, and fifty paid requests."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from conformance.bot import Bot
from conformance.contract import RealServer
from genai_orchestration import warehouse
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.base import Account
from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration.providers.imagine_api.submission import ImagineApiSubmitter
from genai_orchestration.providers.paid import Ambiguous
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.paid import approved, fox
from genai_orchestration_tests.providers.imagine_api.contract.client import Client
from genai_orchestration_tests.providers.imagine_api.contract.server import Image, Status
from genai_orchestration_tests.support.command import process, variable

IMAGINE = provider_named("imagine_api")
SENSOR = "imagine_api_images_sensor"
NOON = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0)
REQUESTS = 50
FILES = 5  # of a completed image
TICKS = 6  # more than the sensor needs
STATUSES: tuple[Status, ...] = (
    *("completed", "failed", "pending", "failed", "in-progress", "failed", "queued"),
)
FINAL = ("completed", "failed")
IS_FINAL = "filter[status][_in]=completed,failed"
COMPARED = ("id", "prompt", "status", "progress", "url", "error", "ref", "results")


@contextmanager
def _configured(customer: Client) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable("imagine_api", "api_key"), customer.token)
        patch.setenv(variable("imagine_api", "base_url"), customer.base_url)
        patch.setenv(variable("imagine_api", "start_date"), str((NOON - timedelta(days=40)).date()))
        patch.setattr(attempts, "PAUSES_SECONDS", ())
        yield


def _images(number: int, *days_ago: int, stored: bool = False) -> list[Image]:
    """So many images of each of these days, in every status."""
    return [
        Image(
            status=STATUSES[n % len(STATUSES)],
            stored=stored,
            progress=31 if STATUSES[n % len(STATUSES)] == "in-progress" else None,
            ref=f"order-{n}" if n % 2 else None,
            date_created=iso(NOON - timedelta(days=back, seconds=n)),
        )
        for back in days_ago
        for n in range(number)
    ]


def _rows(settings: Settings, columns: str = ", ".join(COMPARED)) -> list[tuple[Any, ...]]:
    return warehouse.query(IMAGINE, settings, f"SELECT {columns} FROM {{images}} ORDER BY 1") or []


def _at_the_server(customer: Client, query: str = "") -> list[tuple[Any, ...]]:
    """The server's own records, in the columns and the order of `_rows`."""
    records = customer.rows(f"limit=-1&fields={','.join(COMPARED)}&{query}")
    return sorted(tuple(record[name] for name in COMPARED) for record in records)


def _work(daemon: Daemon) -> str:
    """Ticks and their runs, until a tick asks for nothing; its sentence."""
    for _ in range(TICKS):
        outcomes = daemon.work()
        assert all(outcomes)
        if not outcomes:
            return daemon.said
    raise AssertionError("the sensor asks for runs for ever")


def _finish(bot: Bot) -> None:
    while bot.advance():
        pass


def test_the_sensor_loads_what_is_final_and_waits_for_the_rest(
    directus: RealServer, settings: Settings
) -> None:
    number = 50
    images = _images(number, 1, stored=True)
    final = [image for image in images if image.status in FINAL]
    customer = directus.customer(images)
    with _configured(customer):
        daemon = Daemon(SENSOR)
        with daemon.instance:
            assert f"{number - len(final)} images still open" in _work(daemon)
            assert len(_rows(settings)) == len(final)
            assert _rows(settings) == _at_the_server(customer, IS_FINAL)
            _finish(directus.bot(customer))
            assert "still open" not in _work(daemon)
        assert len(_rows(settings)) == number
        assert _rows(settings) == _at_the_server(customer)


def test_a_backfill_has_every_image_of_every_day_and_its_files_are_archived(
    directus: RealServer, settings: Settings
) -> None:
    stored = [Image(stored=True, date_created=iso(NOON - timedelta(days=9))) for _ in range(4)]
    customer = directus.customer([*_images(120, 12, 11, 10, 8), *stored])
    first, last = (str((NOON - timedelta(days=back)).date()) for back in (13, 7))
    with _configured(customer):
        said = process("backfill", "imagine_api", "--from", first, "--to", last)
        assert said.code == 0, said
        assert len(_rows(settings)) == 4 * 120 + len(stored)
        assert _rows(settings) == _at_the_server(customer)
        day = (NOON - timedelta(days=9)).date()
        following = day + timedelta(days=1)
        said = process("archive", "imagine_api", "--from", str(day), "--to", str(following))
        assert said.code == 0, said
    kept = {file.read_bytes() for file in (settings.home / "archive").rglob("*") if file.is_file()}
    images = [image for image in customer.rows("limit=-1") if image["results"]]
    urls = [url for image in images for url in (image["url"], *image["upscaled_urls"])]
    assert len(urls) == len(stored) * FILES
    assert kept == {customer.ask("GET", url, token=None).content for url in urls}


def test_fifty_paid_requests_are_made_once_each_by_two_processes_at_once(
    directus: RealServer, settings: Settings
) -> None:
    keys = [f"order-{number}" for number in range(REQUESTS)]
    customer = directus.customer()
    with _configured(customer), pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable("imagine_api", "in_flight"), str(REQUESTS))
        approved(*(fox(key, f"a fox for {key}") for key in keys))
        with ThreadPoolExecutor() as both:
            submit = ("requests", "submit")
            said = list(both.map(lambda _: process(*submit), range(2)))
        assert [one.code for one in said] == [0, 0], said
        records = customer.rows("limit=-1&fields=ref,prompt")
        assert Counter(row["ref"] for row in records) == Counter(keys)
        assert all(row["prompt"] == f"a fox for {row['ref']}" for row in records)
        _finish(directus.bot(customer))
        daemon = Daemon(SENSOR)
        with daemon.instance:
            _work(daemon)
        assert _rows(settings, "ref, state") == [(key, "SUCCEEDED") for key in sorted(keys)]


def test_a_request_that_is_sent_again_is_refused_and_its_image_is_found(
    directus: RealServer,
) -> None:
    customer = directus.customer()
    submitter = ImagineApiSubmitter(Account(api_key=customer.token, base_url=customer.base_url))
    payload = {"prompt": "a fox"}
    made = submitter.submit("images_create", payload, "order-1")
    assert made.job_id == submitter.image_id("order-1")
    with pytest.raises(Ambiguous):
        submitter.submit("images_create", payload, "order-1")
    assert submitter.find("order-1", payload) == [made.job_id]
    assert submitter.find("order-2", payload) == []
    assert len(customer.rows()) == 1
