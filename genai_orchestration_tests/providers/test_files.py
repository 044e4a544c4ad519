"""Which files a finished job has, and where they are asked for: pure, from its record."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from genai_orchestration.providers.abyssale import files as abyssale
from genai_orchestration.providers.files import strip_query
from genai_orchestration.providers.imagine_api import files as imagine_api
from genai_orchestration.providers.magic_hour import files as magic_hour
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import FinishedJob

BASE = "https://cl.imagineapi.dev"
IDS = [f"{number}f0b4a1e-6a50-4a7c-9a53-0d6ab5b1a00{number}" for number in range(5)]
NOW = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)


def image(address: str = f"{BASE}/assets/{{0}}/{{0}}.png", **more: Any) -> dict[str, Any]:
    """A completed image whose addresses are written like that."""
    urls = [address.format(id_) for id_ in IDS]
    quadrants = json.dumps(urls[1:])
    return {"status": "completed", "url": urls[0], "upscaled_urls": quadrants, **more}


def job(record: dict[str, Any]) -> FinishedJob:
    return FinishedJob(
        job_id="j",
        request_key=None,
        state=JobState.SUCCEEDED,
        raw="complete",
        accepted_at=NOW,
        finished_at=NOW + timedelta(hours=1),
        error_class=None,
        error_text=None,
        record=record,
    )


def test_an_image_has_a_grid_and_its_quadrants_in_the_order_of_their_addresses() -> None:
    found = imagine_api.files({**image(), "upscaled": sorted(IDS[1:], reverse=True)}, BASE)
    roles = ["grid", "quadrant_1", "quadrant_2", "quadrant_3", "quadrant_4"]
    assert [(file.role, file.file_id) for file in found] == list(zip(roles, IDS, strict=True))
    assert found[0].sources == (
        f"{BASE}/assets/{IDS[0]}/{IDS[0]}.png",
        f"{BASE}/assets/{IDS[0]}",
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8055/assets/{0}/{0}.png",
        "https://old.example//assets/{0}/{0}.png",
        "//assets/{0}/{0}.png",  # the default PUBLIC_URL, `/`
        "/assets/{0}/{0}.png",
        "http://cl.imagineapi.dev/assets/{0}/{0}.png",  # another port than https
        "http://[::1/assets/{0}/{0}.png",
        f"http://user:s3cret@169.254.169.254/assets/{{0}}?x={BASE}",
    ],
)
def test_an_address_on_another_server_is_rebuilt_and_the_other_never_asked(address: str) -> None:
    for base_url in (BASE, f"{BASE}/"):
        found = imagine_api.files(image(address), base_url)
        assert [file.sources for file in found] == [(f"{BASE}/assets/{id_}",) for id_ in IDS]


def test_after_a_late_progress_report_there_is_no_grid() -> None:
    found = imagine_api.files({**image(), "status": "in-progress"}, BASE)
    assert [file.role for file in found] == [f"quadrant_{number}" for number in range(1, 5)]


def test_a_database_that_parses_json_itself_gives_the_same() -> None:
    record = image()
    parsed = {**record, "upscaled_urls": json.loads(record["upscaled_urls"])}
    assert imagine_api.files(parsed, BASE) == imagine_api.files(record, BASE)


@pytest.mark.parametrize("missing", [{"upscaled_urls": None}, {"url": None}, {"url": ""}])
def test_what_a_record_does_not_have_is_not_asked_for(missing: dict[str, Any]) -> None:
    assert len(imagine_api.files(image(**missing), BASE)) in (1, 4)


def test_a_projects_downloads_are_numbered_and_expire_with_their_addresses() -> None:
    downloads = [
        {"url": "https://x.example/a.png?sig=1", "expires_at": "2026-03-11T09:00:00.000Z"},
        {"url": "https://x.example/a.png?sig=2", "expires_at": "2026-03-11T08:00:00.000Z"},
    ]
    found = magic_hour.files({"downloads": downloads}, "")
    assert [(file.role, len(file.sources)) for file in found] == [("output_1", 1), ("output_2", 1)]
    assert "sig" not in repr(found)
    assert magic_hour.expires(job({"downloads": downloads})).hour == 8
    assert magic_hour.expires(job({})) == NOW + timedelta(hours=25)


def test_a_project_has_as_many_pictures_as_were_asked_for_whatever_downloads_it_shows() -> None:
    here = {"url": "https://x.example/a.png", "expires_at": "2026-03-11T09:00:00.000Z"}
    for downloads in (None, [], [None, {"url": None}], [here], [here, here]):
        found = magic_hour.files({"image_count": 2, "downloads": downloads}, "")
        assert [file.role for file in found] == ["output_1", "output_2"]
        addresses = sum(each is here for each in downloads or [])
        assert [len(file.sources) for file in found] == [1] * addresses + [0] * (2 - addresses)
        assert magic_hour.expires(job({"downloads": downloads}))
    assert magic_hour.files({"image_count": None, "downloads": []}, "") == []
    assert len(magic_hour.files({"image_count": 10**9, "downloads": []}, "")) == 16


def test_a_banner_has_a_fallback_and_a_zip_a_picture() -> None:
    banners = [
        {"id": "b1", "file": {"type": "png", "url": "u1", "cdn_url": "c1"}},
        {"id": "b2", "file": {"type": "zip", "url": "u2", "fallback_image_url": "f2"}},
        {"id": "b3", "file": {"type": "pdf", "url": "u3"}},
    ]
    found = abyssale.files({"banners": banners}, "")
    assert [(file.role, file.sources, file.picture) for file in found] == [
        ("banner_1", ("u1", "c1"), True),
        ("banner_2", ("u2",), False),
        ("banner_2_fallback", ("f2",), True),
        ("banner_3", ("u3",), False),
    ]
    assert abyssale.expires(job({})) == NOW + timedelta(days=7)


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("https://x.example/a.png?sig=1#y", "https://x.example/a.png"),
        ("https://me:s3cret@x.example/a@b.png", "https://x.example/a@b.png"),
        ("https://x.example#s3cret", "https://x.example"),
        ("no address?s3cret", "no address"),
    ],
)
def test_a_row_shows_an_address_without_what_opens_it(address: str, plain: str) -> None:
    assert strip_query(address) == plain
