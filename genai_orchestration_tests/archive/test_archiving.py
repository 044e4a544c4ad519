"""Every finished file of the sandbox is archived, byte for byte, and told of in the warehouse."""

import dataclasses
import hashlib
import random
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from genai_orchestration import clock, warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.archive import fetch as archive_fetch
from genai_orchestration.archive.rows import Journal
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.tables import jobs
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.refusals import MissingKey, WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Call, Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.account import at, emptied
from genai_orchestration_tests.support.archived import (
    ABYSSALE,
    IMAGINE,
    MAGIC,
    banners,
    hero,
    loaded_images,
    pictures,
    rows,
    whole,
)
from genai_orchestration_tests.support.command import genai
from genai_orchestration_tests.support.doubles import replace

FAULTS = (
    Fault(kind="status", status=500),
    Fault(kind="status", status=429, retry_after="0.01"),
    Fault(kind="reset"),
    Fault(kind="truncate"),
)


@pytest.fixture(autouse=True)
def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    replace(monkeypatch, archive_fetch, "wait_seconds", lambda state: 0.0)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far the archive's time is ahead: its last item."""
    ahead = [timedelta()]
    monkeypatch.setattr(clock, "now", lambda: datetime.now(timezone.utc) + ahead[-1])
    return ahead


def a_third_fails(sandbox: Sandbox, path: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let a third of the answers below a path fail, in each of four ways; how many have."""
    chance, failed = random.Random(4711), [0]

    def next_fault(call: Call) -> Fault | None:
        if call.path.startswith(path) and chance.random() < 1 / 3:
            failed[0] += 1
            return chance.choice(FAULTS)
        return None

    replace(monkeypatch, sandbox.traffic, "_next_fault", next_fault)
    return failed


def test_all_files_of_all_images_are_archived_although_a_third_of_the_answers_fails(
    sandbox: Sandbox,
    settings: Settings,
    later: list[timedelta],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded_images(settings)
    expected = pictures(sandbox)
    failed = a_third_fails(sandbox, "/imagine_api/assets", monkeypatch)
    done = archiving.archive(IMAGINE, settings)
    again = 0
    while done.failed:
        again += 1
        later.append(later[-1] + timedelta(days=1))
        done = archiving.archive(IMAGINE, settings)
    found = rows(IMAGINE, "job_id", "role", "state", "sha256", "bytes", "archived_path")
    assert len(expected) > 2500
    assert failed[0] > len(expected) / 4
    assert again <= 5
    assert {state for _, _, state, *_ in found} == {"archived"}
    hashes = {key: hashlib.sha256(body).hexdigest() for key, body in expected.items()}
    assert {(job, role): sha for job, role, _, sha, *_ in found} == hashes
    assert {path: size for *_, size, path in found} == whole(Path(settings.archive))
    assert not list(Path(settings.archive).rglob("*.part"))


def with_an_archived_image(sandbox: Sandbox, settings: Settings) -> ImagineApiSandbox:
    """An account with one image, of yesterday, whose five files are archived."""
    account = emptied(sandbox)
    account.add(at(sandbox.clock.now() - timedelta(days=1)))
    loaded_images(settings)
    archiving.archive(IMAGINE, settings)
    return account


def test_what_an_earlier_version_kept_by_halves_is_whole_after_again_and_verify(
    sandbox: Sandbox, settings: Settings
) -> None:
    """A home as that version left it: a file, its row, and the whole file in quarantine."""
    with_an_archived_image(sandbox, settings)
    good = rows(IMAGINE, "role", "sha256", "bytes", "archived_path")
    folder = Path(settings.archive)
    halves = {}
    with warehouse.pipeline(IMAGINE, settings) as pipeline, pipeline.sql_client() as client:
        for role, sha, size, path in good[:2]:
            half = (folder / path).read_bytes()[: size // 2]
            name = hashlib.sha256(half).hexdigest()
            halves[f"quarantine/{name[:2]}/{name}.png"] = len(half)
            (folder / name[:2]).mkdir(exist_ok=True)
            (folder / name[:2] / f"{name}.png").write_bytes(half)
            (folder / "quarantine" / sha[:2]).mkdir(parents=True, exist_ok=True)
            (folder / path).rename(folder / "quarantine" / path)
            client.execute_sql(
                f"UPDATE asset_file SET sha256 = '{name}', bytes = {len(half)}, "
                f"archived_path = '{name[:2]}/{name}.png' WHERE role = '{role}'"
            )
    done = archiving.archive(IMAGINE, settings, again=True, verify=True)
    assert (done.files, done.refused, done.failed, done.changed) == (5, {}, {}, {})
    assert rows(IMAGINE, "role", "sha256", "bytes", "archived_path") == good
    there = whole(folder)
    assert {path: size for _, _, size, path in good}.items() <= there.items()
    assert halves.items() <= there.items()
    assert set(rows(IMAGINE, "state", "reason")) == {("archived", None)}


def test_content_that_has_changed_is_seen_by_a_later_process_and_what_was_kept_stays(
    sandbox: Sandbox, settings: Settings
) -> None:
    account = with_an_archived_image(sandbox, settings)
    kept = rows(IMAGINE, "role", "sha256", "archived_path")
    drawn = account._pictures
    drawn.update(
        {id_: dataclasses.replace(found, pixels=2 * found.pixels) for id_, found in drawn.items()}
    )
    done = archiving.archive(IMAGINE, settings, verify=True)
    assert done.changed.total() == 5
    assert all("which never changes, has changed" in reason for reason in done.changed)
    assert rows(IMAGINE, "role", "sha256", "archived_path") == kept
    assert {path for *_, path in kept} <= whole(Path(settings.archive)).keys()


def test_what_is_archived_is_never_fetched_again(sandbox: Sandbox, settings: Settings) -> None:
    loaded_images(settings)
    today = sandbox.clock.now().date()
    window = (today - timedelta(days=3), today)
    first = archiving.archive(IMAGINE, settings, days=window)
    asked = len(sandbox.traffic.calls)
    assert first.files == len(pictures(sandbox, window)) > 0
    assert str(archiving.archive(IMAGINE, settings, days=window)).startswith("0 files archived")
    assert len(sandbox.traffic.calls) == asked


def test_a_row_tells_job_role_content_and_day(sandbox: Sandbox, settings: Settings) -> None:
    account, now = emptied(sandbox), sandbox.clock.now()
    (record,) = account.add(at(now - timedelta(days=2), ref="fox-1"))
    loaded_images(settings)
    archiving.archive(IMAGINE, settings)
    found = rows(IMAGINE, "job_id", "kind", "role", "width", "height", "content_type", "state")
    roles = ("grid", "quadrant_1", "quadrant_2", "quadrant_3", "quadrant_4")
    id_ = str(record if isinstance(record, str) else record["id"])
    assert found == [
        (id_, "image", role, side, side, "image/png", "archived")
        for role, side in zip(roles, (512, 256, 256, 256, 256), strict=True)
    ]
    ((created,),) = set(rows(IMAGINE, "date_created"))
    ((stored,),) = warehouse.query(IMAGINE, settings, "SELECT date_created FROM {images}") or []
    assert created == stored


def test_quadrants_are_those_of_upscaled_urls_and_not_of_upscaled(
    sandbox: Sandbox, settings: Settings
) -> None:
    with_an_archived_image(sandbox, settings)
    sql = "SELECT upscaled_urls FROM {images}"
    ((urls,),) = warehouse.query(IMAGINE, settings, sql) or []
    ids = [id_ for (id_,) in rows(IMAGINE, "file_id", where="role <> 'grid'")]
    assert [urls.index(id_) for id_ in ids] == sorted(urls.index(id_) for id_ in ids)


def test_an_address_of_a_wrong_public_url_is_asked_for_at_the_base_url(
    sandbox: Sandbox, settings: Settings
) -> None:
    loaded_images(settings)
    wrong = "https://old-host.internal"
    with warehouse.pipeline(IMAGINE, settings) as pipeline, pipeline.sql_client() as client:
        own = f"{sandbox.base_url('imagine_api')}/assets"
        client.execute_sql(
            f"UPDATE images SET url = replace(url, '{own}', '{wrong}//assets'), upscaled_urls = "
            f"replace(CAST(upscaled_urls AS VARCHAR), '{own}', '{wrong}//assets')"
        )
    today = sandbox.clock.now().date()
    done = archiving.archive(IMAGINE, settings, days=(today - timedelta(days=2), today))
    assert done.files > 50
    assert done.refused + done.failed == Counter()
    assert all(url.startswith(own) for (url,) in rows(IMAGINE, "source_url"))


def test_magic_hours_expired_addresses_are_asked_for_anew(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch, later: list[timedelta]
) -> None:
    jobs = [hero(sandbox, f"hero-{number}") for number in range(6)]
    sandbox.clock.advance(timedelta(days=3).total_seconds())
    a_third_fails(sandbox, "/magic_hour", monkeypatch)
    while archiving.archive(MAGIC, settings).failed:
        later.append(later[-1] + timedelta(days=1))
    found = rows(
        MAGIC,
        "job_id",
        "role",
        "state",
        "request_key",
        "source_url",
        "date_created IS 1"[:0] or "bytes",
    )
    assert {(job, role) for job, role, *_ in found} == {
        (job, role) for job in jobs for role in ("output_1", "output_2")
    }
    assert {state for _, _, state, *_ in found} == {"archived"}
    assert {key for *_, key, _, _ in found} == {f"hero-{number}" for number in range(6)}
    assert not any("?" in url for *_, url, _ in found)
    assert len(whole(Path(settings.archive))) == 12
    with Ledger.open(settings) as ledger:
        assert all(job.archived for job in ledger.jobs(provider="magic_hour"))


def test_pictures_that_come_late_are_archived_by_the_freshest_record_of_their_project(
    sandbox: Sandbox, settings: Settings, later: list[timedelta]
) -> None:
    """The project ended with one of two; what there is is archived, the rest when it comes."""
    job = hero(sandbox, "hero-1", downloads=1)
    with Ledger.open(settings) as ledger:
        (ended,) = ledger.jobs(provider="magic_hour")
    assert len((ended.record or {})["downloads"]) == 1
    assert ended.error_text == "Magic Hour gives 1 of 2 pictures."
    sandbox.providers["magic_hour"].withhold(job, 1, 10_000)
    done = archiving.archive(MAGIC, settings)
    assert (done.files, done.failed) == (1, {"The provider gives no address of it.": 1})
    sandbox.providers["magic_hour"].withhold(job, None, 0)
    later.append(timedelta(minutes=2))
    assert archiving.archive(MAGIC, settings).files == 1
    assert rows(MAGIC, "role", "state") == [("output_1", "archived"), ("output_2", "archived")]
    with Ledger.open(settings) as ledger:
        assert all(each.archived for each in ledger.jobs(provider="magic_hour"))


@pytest.mark.parametrize("stored", [0, 1])
def test_the_roles_are_those_of_the_freshest_record_and_not_of_the_stored_one(
    sandbox: Sandbox, settings: Settings, stored: int
) -> None:
    """Stored with one picture or none, and no word of how many were due."""
    job = hero(sandbox, "hero-1", image_count=4, model="nano-banana-2")
    with Ledger.open(settings) as ledger:
        (ended,) = ledger.jobs(provider="magic_hour")
        downloads = (ended.record or {})["downloads"][:stored]
        with ledger._database.write() as connection:
            record = {"id": job, "status": "complete", "downloads": downloads}
            connection.execute(sa.update(jobs).values(record=record))
    assert archiving.archive(MAGIC, settings).files == 4
    assert [role for (role,) in rows(MAGIC, "role")] == [f"output_{n}" for n in range(1, 5)]
    with Ledger.open(settings) as ledger:
        assert all(each.archived for each in ledger.jobs(provider="magic_hour"))


def test_a_role_that_the_freshest_record_has_lost_is_asked_for_again(
    sandbox: Sandbox, settings: Settings, later: list[timedelta]
) -> None:
    job = hero(sandbox, "hero-1")
    sandbox.providers["magic_hour"].withhold(job, 1, 10_000)
    done = archiving.archive(MAGIC, settings)
    assert (done.files, done.failed) == (1, {"The provider gives no address of it.": 1})
    sandbox.providers["magic_hour"].withhold(job, None, 0)
    later.append(timedelta(minutes=2))
    assert archiving.archive(MAGIC, settings).files == 1


def test_what_has_expired_waits_behind_what_will(
    sandbox: Sandbox, settings: Settings, later: list[timedelta]
) -> None:
    hero(sandbox, "expired")
    sandbox.clock.advance(timedelta(days=3).total_seconds())
    later.append(timedelta(days=3))
    alive = hero(sandbox, "alive")
    archiving.archive(MAGIC, settings, most=2)
    assert {job for (job,) in rows(MAGIC, "job_id")} == {alive}


def test_a_project_that_was_deleted_is_refused_and_done_with(
    sandbox: Sandbox, settings: Settings
) -> None:
    job = hero(sandbox, "hero-1")
    sandbox.providers["magic_hour"].account.delete("image", job)
    done = archiving.archive(MAGIC, settings)
    assert done.refused.total() == 2
    assert archiving.archive(MAGIC, settings).refused.total() == 0
    with Ledger.open(settings) as ledger:
        assert archiving.expiring(MAGIC, ledger, clock.now() + timedelta(days=3)) == ([], 0)


@pytest.mark.parametrize(("column", "value"), [("account", "theirs"), ("server", "https://a.b")])
def test_what_another_account_does_not_find_is_not_refused_and_waits_for_its_own(
    sandbox: Sandbox, settings: Settings, later: list[timedelta], column: str, value: str
) -> None:
    job = hero(sandbox, "hero-1")
    with Ledger.open(settings) as ledger, ledger._database.write() as connection:
        (own,) = connection.execute(sa.select(jobs.c[column])).scalars()
        connection.execute(sa.update(jobs).values({column: value}))
    gone = Fault(kind="status", status=404, path="/magic_hour/v1/image-projects", times=1)
    sandbox.traffic.faults.append(gone)
    done = archiving.archive(MAGIC, settings)
    (reason,) = done.failed
    assert f"image_project {job} was sent to " in reason
    assert "now configured: " in reason
    assert (done.refused.total(), done.files) == (0, 0)
    with Ledger.open(settings) as ledger, ledger._database.write() as connection:
        connection.execute(sa.update(jobs).values({column: own}))
    sandbox.traffic.faults.clear()
    later.append(timedelta(days=1))
    assert archiving.archive(MAGIC, settings).files == 2


def test_abyssales_banners_are_archived_from_the_ledgers_record(
    sandbox: Sandbox, settings: Settings
) -> None:
    job = banners(sandbox, "banner-1")
    sandbox.clock.advance(timedelta(days=9).total_seconds())  # the request itself is forgotten
    done = archiving.archive(ABYSSALE, settings)
    found = rows(ABYSSALE, "job_id", "role", "state", "request_key", "file_id")
    assert done.files == len(found) >= 2
    assert {row[:1] + row[2:4] for row in found} == {(job, "archived", "banner-1")}
    assert sorted(role for _, role, *_ in found)[0] == "banner_1"
    assert len(whole(Path(settings.archive))) == len({id_ for *_, id_ in found})


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


def test_the_radar_shows_what_has_less_than_six_hours_to_live(
    sandbox: Sandbox, settings: Settings
) -> None:
    job, request = hero(sandbox, "hero-1"), banners(sandbox, "banner-1")
    with Ledger.open(settings) as ledger:
        seen = sandbox.clock.now()
        for provider, name, life in ((MAGIC, job, 24), (ABYSSALE, request, 7 * 24)):
            just, late = (seen + timedelta(hours=life - 6, minutes=m) for m in (-2, 2))
            assert archiving.expiring(provider, ledger, just) == ([], 1)
            ((soon, _),), _ = archiving.expiring(provider, ledger, late)
            assert soon.job_id == name
            archiving.archive(provider, settings)
            assert archiving.expiring(provider, ledger, late + timedelta(days=9)) == ([], 0)


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
