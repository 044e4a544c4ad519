"""A finished image stays as it finished, whatever is reported late and whoever loads when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from genai_orchestration import warehouse
from genai_orchestration.providers.imagine_api import PROVIDER, imagine_api_source
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.account import (
    at,
    emptied,
    load_images,
    raw,
    stored,
)
from genai_orchestration_tests.providers.loading import midnight, read

ID = "9419cfe6-1d54-4f0e-8a3e-3a3b8d0e7c11"
LATE = Spec(id=ID, outcome="late", seconds=-0.5)  # completed now, overtaken in 1.5 seconds


@pytest.fixture
def images(sandbox: Sandbox) -> ImagineApiSandbox:
    """An account with two old images, so that no load of it is empty."""
    found = emptied(sandbox)
    found.add(at(midnight(sandbox, -2), midnight(sandbox, -1)))
    return found


def becomes(images: ImagineApiSandbox, spec: Spec) -> None:
    """The image of that id is another one from now on."""
    images.images.pop(ID, None)
    images.add([replace(spec, id=ID)])


@pytest.mark.parametrize("by_id", [False, True], ids=["whole window", "by id"])
def test_a_late_report_does_not_overwrite_the_grid(
    sandbox: Sandbox, settings: Settings, images: ImagineApiSandbox, by_id: bool
) -> None:
    chosen: dict[str, Any] = {"ids": [ID]} if by_id else {}
    images.add([LATE])
    load_images(settings, **chosen)
    final = stored(settings, ID)
    assert final[:2] == ("completed", "SUCCEEDED")
    assert final[2].endswith(".png")

    sandbox.clock.advance(10)
    late = next(image for image in raw(sandbox) if image["id"] == ID)
    assert (late["status"], late["progress"]) == ("in-progress", 93)
    assert late["url"].endswith(".webp")
    load_images(settings, **chosen)
    assert stored(settings, ID) == final


def test_an_image_first_seen_after_a_late_report_is_finished(
    sandbox: Sandbox, settings: Settings, images: ImagineApiSandbox
) -> None:
    images.add([LATE])
    sandbox.clock.advance(10)
    load_images(settings, finished_only=True)
    assert stored(settings, ID)[:2] == ("in-progress", "SUCCEEDED")
    becomes(images, Spec(seconds=-60))  # the server is mended
    load_images(settings)
    assert stored(settings, ID)[0] == "completed"


@pytest.mark.parametrize("open_again", [Spec(outcome="stuck"), Spec(outcome="pending")])
def test_a_failed_image_is_not_opened_again(
    sandbox: Sandbox, settings: Settings, images: ImagineApiSandbox, open_again: Spec
) -> None:
    becomes(images, Spec(outcome="failed"))
    load_images(settings)
    assert stored(settings, ID)[:2] == ("failed", "FAILED")
    becomes(images, open_again)
    load_images(settings)
    assert stored(settings, ID)[:2] == ("failed", "FAILED")


def test_an_open_image_follows_its_life(
    sandbox: Sandbox, settings: Settings, images: ImagineApiSandbox
) -> None:
    becomes(images, Spec(seconds=8))
    seen = []
    for seconds in (0, 4, 10):
        sandbox.clock.advance(seconds)
        load_images(settings)
        seen.append(stored(settings, ID)[:2])
    assert seen == [("pending", "QUEUED"), ("in-progress", "RUNNING"), ("completed", "SUCCEEDED")]


def test_a_run_that_read_the_open_image_cannot_undo_one_that_was_faster(
    sandbox: Sandbox, settings: Settings, images: ImagineApiSandbox
) -> None:
    becomes(images, Spec(seconds=8))
    load_images(settings)
    with warehouse.pipeline(PROVIDER, settings) as slow:
        slow.sync_destination()
        slow.extract(imagine_api_source().with_resources("images"))
        slow.normalize()
        sandbox.clock.advance(20)
        load_images(settings)
        assert stored(settings, ID)[:2] == ("completed", "SUCCEEDED")
        slow.activate()
        slow.load(raise_on_failed_jobs=True)
    assert stored(settings, ID)[:2] == ("completed", "SUCCEEDED")


def test_the_vendors_words_become_states(sandbox: Sandbox, images: ImagineApiSandbox) -> None:
    now = sandbox.clock.now()
    images.images.clear()
    images.add(
        [
            Spec(outcome="pending"),
            Spec(outcome="pending", waits_as="queued"),
            Spec(outcome="stuck"),
            Spec(outcome="completed"),
            Spec(outcome="failed"),
            *at(now - timedelta(days=1), outcome="late"),
        ]
    )
    rows = read(imagine_api_source(), "images")
    assert sorted((row["status"], row["state"]) for row in rows) == [
        ("completed", "SUCCEEDED"),
        ("failed", "FAILED"),
        ("in-progress", "RUNNING"),
        ("in-progress", "SUCCEEDED"),
        ("pending", "QUEUED"),
        ("queued", "QUEUED"),
    ]
