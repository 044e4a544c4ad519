"""Fields of other people's servers: a status in another case, other forms, unreadable ones."""

import logging
import re
from collections.abc import Callable

import pytest

from genai_orchestration.errors import plain
from genai_orchestration.providers.base import Counts
from genai_orchestration.providers.imagine_api import PROVIDER, imagine_api_source, listing
from genai_orchestration.providers.imagine_api.client import NEEDED, Unreadable, image_list
from genai_orchestration.providers.imagine_api.counter import ImageCounter
from genai_orchestration.providers.imagine_api.files import files
from genai_orchestration.providers.imagine_api.jobs import report_of
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.shapes import Misshapen
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.account import (
    BEGINNING,
    MINUTE,
    account,
    apart,
    at,
    client,
    load_images,
    raw,
    stored,
)
from genai_orchestration_tests.providers.imagine_api.odd_records import respell, show
from genai_orchestration_tests.providers.loading import midnight, read, select


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
