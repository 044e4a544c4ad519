"""After trouble: what rests, what is asked for again and by whom, and what the command says."""

from datetime import timedelta

import pytest

from genai_orchestration.archive import archiving
from genai_orchestration.archive.rows import Journal
from genai_orchestration.providers.refusals import MissingKey, WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.archived import (
    IMAGINE,
    MAGIC,
    hero,
    loaded_images,
    pictures,
    rows,
)
from genai_orchestration_tests.support.command import genai

pytestmark = pytest.mark.usefixtures("without_waits")


def test_a_failed_file_rests_before_it_is_asked_for_again(
    sandbox: Sandbox, settings: Settings, later: list[timedelta]
) -> None:
    hero(sandbox, "hero-1")
    gone = Fault(kind="status", status=404, path="/magic_hour/_files", times=10_000)
    sandbox.traffic.faults.append(gone)
    assert archiving.archive(MAGIC, settings).failed.total() == 2
    asked = len(sandbox.traffic.calls)
    done = archiving.archive(MAGIC, settings)
    assert (done.files, done.resting, len(sandbox.traffic.calls)) == (0, 2, asked)
    later.append(timedelta(minutes=1))
    assert archiving.archive(MAGIC, settings).failed.total() == 2
    assert set(rows(MAGIC, "state", "attempts", "reason")) == {
        ("failed", 2, "127.0.0.1 answered 404.")
    }
    sandbox.traffic.faults.clear()
    assert archiving.archive(MAGIC, settings, again=True).files == 2
    assert set(rows(MAGIC, "state", "attempts", "reason")) == {("archived", 3, None)}


def test_a_refused_file_is_asked_for_again_only_by_a_person(
    sandbox: Sandbox, settings: Settings, later: list[timedelta]
) -> None:
    hero(sandbox, "hero-1")
    page = Fault(
        kind="status",
        status=200,
        path="/magic_hour/_files",
        times=10_000,
        body="#!/bin/sh\nexit 1\n",
        content_type="image/png",
    )
    sandbox.traffic.faults.append(page)
    assert archiving.archive(MAGIC, settings).refused.total() == 2
    sandbox.traffic.faults.clear()
    later.append(timedelta(days=30))
    assert archiving.archive(MAGIC, settings).files == 0
    assert archiving.archive(MAGIC, settings, again=True).files == 2


def test_rows_of_an_archiver_that_died_are_loaded_by_the_next_one(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hero(sandbox, "hero-1")

    def dies(*arguments: object) -> None:
        if arguments[-1]:
            raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(archiving, "_load", dies)
        with pytest.raises(RuntimeError):
            archiving.archive(MAGIC, settings)
    assert len(Journal(settings, MAGIC).rows()) == 2
    sandbox.traffic.calls.clear()
    assert archiving.archive(MAGIC, settings).files == 0
    assert not sandbox.traffic.calls
    assert rows(MAGIC, "state") == [("archived",), ("archived",)]
    assert Journal(settings, MAGIC).rows() == []


def test_a_provider_that_is_down_is_not_asked_about_every_job(
    sandbox: Sandbox, settings: Settings
) -> None:
    for number in range(6):
        hero(sandbox, f"hero-{number}")
    down = Fault(kind="status", status=401, path="/magic_hour/v1", times=10_000)
    sandbox.traffic.faults.append(down)
    sandbox.traffic.calls.clear()
    with pytest.raises(WrongSetting, match="set api_key"):
        archiving.archive(MAGIC, settings)
    assert len(sandbox.traffic.calls) == 3
    sandbox.traffic.faults.clear()
    assert archiving.archive(MAGIC, settings, again=True).files == 12


def test_without_a_key_it_asks_for_one(settings: Settings) -> None:
    with pytest.raises(MissingKey):
        archiving.archive(IMAGINE, settings)


def test_the_command_archives_days_and_says_where(sandbox: Sandbox, settings: Settings) -> None:
    loaded_images(settings)
    today = sandbox.clock.now().date()
    days = ("--from", f"{today - timedelta(days=2)}", "--to", f"{today}")
    said = genai("archive", "imagine_api", *days)
    assert (said.code, said.err) == (0, "")
    wanted = len(pictures(sandbox, (today - timedelta(days=2), today)))
    assert said.out.startswith(f"{wanted:,} files archived (")
    assert said.out.endswith(f"The archive is {settings.archive}\n")
    assert genai("archive", "imagine_api", *days, "--verify").out.startswith(f"{wanted:,} files")
    assert "no history by day" in genai("archive", "magic_hour", *days).usage
    assert (
        "is not after"
        in genai("archive", "imagine_api", "--from", f"{today}", "--to", f"{today}").usage
    )
    assert "0 files archived" in genai("archive", "abyssale").out
