"""Every file of a finished image is archived, byte for byte, and told of in the warehouse."""

import dataclasses
import hashlib
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from genai_orchestration import warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.archive.failing import a_third_fails
from genai_orchestration_tests.providers.imagine_api.account import at, emptied
from genai_orchestration_tests.support.archived import IMAGINE, loaded_images, pictures, rows, whole

pytestmark = pytest.mark.usefixtures("without_waits")


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
