"""Finished jobs with files for the tests of the archive, and what of them is archived."""

import hashlib
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from genai_orchestration import clock, loading, warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.archive.plan import Days
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Limits
from genai_orchestration.ledger.records import JobKey
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import LOAD_POLICY
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.request import NewRequest
from genai_orchestration.settings import Settings

IMAGINE, MAGIC, ABYSSALE = map(provider_named, ("imagine_api", "magic_hour", "abyssale"))


def hero(sandbox: Sandbox, key: str, *, downloads: int | None = None, **more: Any) -> str:
    """A finished image project of Magic Hour with two files; its id.

    With `downloads`, the project shows that many of them for as long as anyone waits for the rest.
    """
    body = {
        "image_count": 2,
        "style": {"prompt": f"a sneaker for {key}"},
        "model": "z-image-turbo",
    }
    payload = {**body, **more}
    return _finished(sandbox, MAGIC, "ai_image_generator", payload, key, downloads)


def banners(sandbox: Sandbox, key: str, kind: str = "static", **more: Any) -> str:
    """A finished generation request of Abyssale, for all formats of a design; its id."""
    designs = sandbox.providers["abyssale"].designs
    design = next(id_ for id_, each in designs.items() if each.type == kind)
    return _finished(sandbox, ABYSSALE, "generation_requests", {"design_id": design, **more}, key)


def _finished(
    sandbox: Sandbox,
    provider: Provider,
    operation: str,
    payload: Mapping[str, Any],
    key: str,
    downloads: int | None = None,
) -> str:
    found = next(each for each in provider.operations if each.name == operation)
    wanted = NewRequest(
        provider=provider.name, operation=operation, payload=payload, request_key=key
    )
    assert provider.submitter
    submitter = provider.submitter()
    limits = Limits(base_url=submitter.base_url, account=submitter.account())
    with Ledger.open(Settings.load()) as ledger:
        ledger.add([PaidRequest.of(wanted, found)], clock.now()).check()
        ledger.approve([key], clock.now())
        ledger.start(key, limits, clock.now())
        accepted = submitter.submit(operation, payload, key)
        ledger.mark_submitted(key, accepted.job_id, accepted.charged, clock.now())
        sandbox.clock.advance(30)
        if downloads is not None:
            sandbox.providers["magic_hour"].withhold(accepted.job_id, downloads, 60)
        (kind,) = provider.job_kinds
        report = kind.connect(LOAD_POLICY).report(accepted.job_id)
        job = ledger.observe(JobKey(provider.name, kind.name, accepted.job_id), report, clock.now())
    assert job.state.value == "SUCCEEDED", job
    return accepted.job_id


def rows(provider: Provider, *columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    """What `asset_file` has, in the order of job and role."""
    sql = f"SELECT {', '.join(columns)} FROM {{asset_file}} WHERE {where} ORDER BY job_id, role"
    return warehouse.query(provider, Settings.load(), sql) or []


def pictures(sandbox: Sandbox, days: Days | None = None) -> dict[tuple[str, str], bytes]:
    """Every file of the sandbox's finished images, as it draws it: by image and role."""
    state = sandbox.providers["imagine_api"]
    where = f"AND date_created >= '{days[0]}' AND date_created < '{days[1]}'" if days else ""
    sql = f"""SELECT id, status, url, upscaled_urls FROM {{images}}
        WHERE state = 'SUCCEEDED' {where}"""
    found = {}
    for id_, status, url, urls in warehouse.query(IMAGINE, Settings.load(), sql) or []:
        image = {"status": status, "url": url, "upscaled_urls": urls}
        assert IMAGINE.archive
        for file in IMAGINE.archive.files(image, sandbox.base_url("imagine_api")):
            found[id_, file.role] = state.picture(file.file_id).bytes()
    return found


def whole(folder: Path) -> dict[str, int]:
    """The files of the archive by name, each seen to be what its name says; with their size."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.parent.name != ".incoming":
            body = path.read_bytes()
            assert hashlib.sha256(body).hexdigest() == path.stem, f"{path} is torn"
            found[str(path.relative_to(folder))] = len(body)
    return found


def loaded_images(settings: Settings) -> None:
    """All images of the sandbox, in the warehouse."""
    loading.load(IMAGINE, settings, ["images"])


def archive_in_child(environment: Mapping[str, str], first: date, end: date) -> None:
    """What a process does that may be killed at any moment."""
    os.environ.update(environment)
    archiving.archive(IMAGINE, Settings.load(), days=(first, end))
