"""Files whose addresses expire: asked for anew, by the freshest record, the most urgent first."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from genai_orchestration import clock
from genai_orchestration.archive import archiving
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.tables import jobs
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.archive.failing import a_third_fails
from genai_orchestration_tests.support.archived import ABYSSALE, MAGIC, banners, hero, rows, whole

pytestmark = pytest.mark.usefixtures("without_waits")


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
        "bytes",
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
