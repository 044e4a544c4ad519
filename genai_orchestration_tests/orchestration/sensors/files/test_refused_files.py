"""Files that are refused, missing or changed are told of until a person has seen to them."""

import contextlib
import html
import sqlite3

import dagster as dg
import pytest

from genai_orchestration.archive import archiving
from genai_orchestration.providers.imagine_api.sandbox import images as drawn
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.png import picture
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.sensors.files.jobs_with_files import (
    FILES,
    NOTHING,
    archived,
    day,
    days_ago,
    put,
)
from genai_orchestration_tests.providers.imagine_api.account import at, emptied
from genai_orchestration_tests.support.archived import (
    ABYSSALE,
    IMAGINE,
    MAGIC,
    banners,
    hero,
    loaded_images,
    rows,
)
from genai_orchestration_tests.support.command import genai
from genai_orchestration_tests.support.doubles import replace


def test_refused_files_stay_in_a_check_until_a_person_dismisses_them(
    sandbox: Sandbox, settings: Settings, magic: Daemon
) -> None:
    job = hero(sandbox, "hero-1")
    page = Fault(
        kind="status",
        status=200,
        path="/magic_hour/_files",
        times=10_000,
        body="<html>",
        content_type="image/png",
    )
    sandbox.traffic.faults.append(page)
    done = archiving.archive(MAGIC, settings)
    while done.failed:  # a page in a picture's place may be passing: it is asked for some times
        done = archiving.archive(MAGIC, settings, again=True)
    for _ in range(2):
        passed, words = checked(magic, "refused_files_seen")
        assert not passed
        assert words.startswith("2 refused: ")
        assert f"output_1 of {job} (" in words
        assert words.endswith("run genai archive magic_hour --dismiss.")
    assert checked(magic, "finished_jobs_have_files") == (True, "All have files.")
    assert genai("archive", "magic_hour", "--dismiss").out == (
        "2 refused or missing files dismissed.\n"
    )
    assert genai("archive", "--dismiss").out.splitlines()[-1] == (
        "Magic Hour: 0 refused or missing files dismissed."
    )
    assert checked(magic, "refused_files_seen") == (True, "None is refused.")
    assert set(rows(MAGIC, "state")) == {("dismissed",)}
    assert "leave out" in genai("archive", "magic_hour", "--dismiss", "--again").usage
    assert magic.tick() == []
    sandbox.traffic.faults.clear()
    said = genai("archive", "--again", "--verify")
    assert "Magic Hour: 2 files archived (" in said.out
    assert set(rows(MAGIC, "state")) == {("archived",)}


def checked(daemon: Daemon, name: str) -> tuple[bool, str]:
    """A run of the asset and of its checks: what that check says."""
    provider = daemon.sensor.removesuffix("_files_sensor")
    result = daemon.definitions.resolve_job_def(f"{provider}_load").execute_in_process(
        instance=daemon.instance,
        asset_selection=[dg.AssetKey([provider, "asset_file"])],
        partition_key=f"{day(3)}" if provider == "imagine_api" else None,
    )
    (found,) = (e for e in result.get_asset_check_evaluations() if e.check_name == name)
    return found.passed, html.unescape(found.description or "")


def test_a_job_that_succeeded_without_a_file_is_named_and_never_archived_by_itself(
    sandbox: Sandbox, settings: Settings, daemon: Daemon
) -> None:
    image, *_ = emptied(sandbox).add(at(*days_ago(3, 3)))
    loaded_images(settings)
    put(settings, f"UPDATE images SET url = NULL, upscaled_urls = NULL WHERE id = '{image}'")
    passed, words = checked(daemon, "finished_jobs_have_files")
    assert not passed
    assert words.startswith(f"1 job succeeded without a file: {image}.")
    assert (daemon.tick(), daemon.said) == ([], NOTHING)
    days = ("--from", f"{day(3)}", "--to", f"{day(2)}")
    assert genai("archive", "imagine_api", *days, "--dismiss").out.startswith("1 refused or miss")
    assert checked(daemon, "finished_jobs_have_files") == (True, "All have files.")
    assert rows(IMAGINE, "job_id", "role", where="state = 'dismissed'") == [(image, "none")]


def test_a_generation_without_banners_is_not_archived_until_it_is_dismissed(
    sandbox: Sandbox, settings: Settings, definitions: dg.Definitions
) -> None:
    job = banners(sandbox, "banner-1")
    record = "json_set(record, '$.banners', json('[]'))"
    with contextlib.closing(sqlite3.connect(settings.ledger)) as connection, connection:
        connection.execute(f"UPDATE jobs SET record = {record}")
    daemon = Daemon("abyssale_files_sensor", definitions=definitions)
    with daemon.instance:
        passed, words = checked(daemon, "finished_jobs_have_files")
        assert (passed, job in words) == (False, True)
        assert not archived(settings, "abyssale")
        assert (daemon.tick(), daemon.said) == ([], NOTHING)
        result = definitions.resolve_job_def("abyssale_load").execute_in_process(
            instance=daemon.instance,
            asset_selection=[dg.AssetKey(["abyssale", "asset_file"])],
            run_config={"ops": {"abyssale_asset_file": {"config": {"dismiss": True}}}},
        )
    (event,) = result.get_asset_materialization_events()
    told = event.step_materialization_data.materialization.metadata
    assert told["files dismissed by run"].value == 1
    assert rows(ABYSSALE, "job_id", "role", "state") == [(job, "none", "dismissed")]
    assert archived(settings, "abyssale")


def test_verify_knows_the_content_that_an_earlier_process_archived(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(sandbox).add(at(*days_ago(3)))
    loaded_images(settings)
    archiving.archive(IMAGINE, settings)
    before = rows(IMAGINE, "role", "sha256", "archived_path")
    replace(monkeypatch, drawn, "picture", lambda words, *sides: picture(f"other {words}", *sides))
    said = genai("archive", "imagine_api", "--verify")
    assert "5 archived before, and not the same any more" in said.out
    done = archiving.archive(IMAGINE, settings, verify=True)
    assert done.changed.total() == FILES
    assert rows(IMAGINE, "role", "sha256", "archived_path") == before
