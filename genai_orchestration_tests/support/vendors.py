"""What the tests of submission ask each provider for, and what its sandbox made of it.

wanted(sandbox, provider, key)   a request whose payload holds its key, wherever there is room
made(sandbox, provider)          the jobs that were accepted, each with the key it was asked by
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from genai_orchestration import warehouse
from genai_orchestration.loading.request_rows import request_table
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.abyssale.sandbox.designs import Design
from genai_orchestration.providers.abyssale.sandbox.jobs import RENDERING
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.magic_hour.sandbox import MagicHourSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.request import NewRequest
from genai_orchestration.sandbox.traffic import Call, Fault, Kind
from genai_orchestration.settings import Settings

PROVIDERS = {provider.name: provider for provider in all_providers() if provider.submitter}
PAID = {  # what the path of a paid POST begins with
    "abyssale": "/abyssale/async/",
    "imagine_api": "/imagine_api/items/images",
    "magic_hour": "/magic_hour/v1/",
}
LOADED = {  # where a job's row is in the warehouse: its id, and the key of its request
    "abyssale": "SELECT generation_request_id, request_key FROM {file}",
    "imagine_api": "SELECT id, ref FROM {images}",
    "magic_hour": "SELECT id, request_key FROM {image_projects}",
}
RECONCILED = ("imagine_api",)  # providers that can be asked what became of a request


@dataclass(frozen=True, kw_only=True)
class Made:
    """A job that a sandbox accepted, and that is paid for."""

    key: str  # of the request that it was made of
    job_id: str
    began: datetime
    ended: datetime
    price: int = 1
    refunded: bool = False  # at its end

    def charged(self, moment: datetime) -> int:
        """The credits that it takes at that moment."""
        over = moment >= self.ended
        return 0 if moment < self.began or (over and self.refunded) else self.price


def wanted(sandbox: Sandbox, provider: Provider, key: str, *, good: bool = True) -> PaidRequest:
    """A request for one picture; one that is not good is refused, for what it asks for."""
    operation = provider.operations[0]
    payload = _payload(sandbox.providers[provider.name], key, good)
    new = NewRequest(
        provider=provider.name, operation=operation.name, payload=payload, request_key=key
    )
    return PaidRequest.of(new, operation)


def _payload(vendor: object, key: str, good: bool) -> dict[str, Any]:
    match vendor:
        case ImagineApiSandbox():
            return {"prompt": key if good else None}
        case AbyssaleSandbox():
            design = _design(vendor)
            return {
                "design_id": design.id,
                "elements": {"title": {"payload": key}},
                "template_format_names": [design.formats[0].name if good else "of no design"],
            }
    model = "z-image-turbo" if good else "seedream-v4"
    return {
        "name": key,
        "style": {"prompt": key},
        "model": model,
        "image_count": 1 if good else 9,
    }


def _design(vendor: AbyssaleSandbox) -> Design:
    return next(design for design in vendor.designs.values() if design.type == "static")


def made(sandbox: Sandbox, provider: Provider) -> list[Made]:
    """The jobs that the provider's sandbox accepted of requests of ours, oldest first."""
    vendor = sandbox.providers[provider.name]
    match vendor:
        case ImagineApiSandbox():
            return list(_images(vendor))
        case AbyssaleSandbox():
            return list(_generations(vendor))
        case MagicHourSandbox():
            return list(_projects(vendor))
    raise AssertionError(f"nobody knows how to count what {provider.name} accepted")


def _images(vendor: ImagineApiSandbox) -> Iterator[Made]:
    for image in list(vendor.images.values()):
        if image.ref == image.prompt:
            ended = image.created + timedelta(seconds=image.plan.ends)
            yield Made(key=image.ref, job_id=image.id, began=image.created, ended=ended)


def _generations(vendor: AbyssaleSandbox) -> Iterator[Made]:
    for each in list(vendor.studio.generations.values()):
        [banner] = each.banners
        key = banner.text.split("('title', '")[1].partition("'")[0]
        began = each.created_at
        yield Made(key=key, job_id=each.id, began=began, ended=began + RENDERING)


def _projects(vendor: MagicHourSandbox) -> Iterator[Made]:
    for (kind, job_id), job in list(vendor.account._jobs.items()):
        if kind == "image" and job.order.name:
            ended = job.created_at + timedelta(seconds=job.order.seconds)
            yield Made(
                key=job.order.name,
                job_id=job_id,
                began=job.created_at,
                ended=ended,
                price=job.order.price,
                refunded=job.credits(ended) == 0,
            )


def accepted(sandbox: Sandbox, provider: Provider, keys: Iterable[str]) -> dict[str, list[str]]:
    """The ids of the jobs that came of each of these requests."""
    ids: dict[str, list[str]] = {key: [] for key in keys}
    for job in made(sandbox, provider):
        if job.key in ids:
            ids[job.key].append(job.job_id)
    return ids


def loaded(settings: Settings, provider: Provider, keys: Iterable[str]) -> list[str]:
    """The ids of the jobs of these requests that have a row in the warehouse, once for each."""
    rows = warehouse.query(provider, settings, LOADED[provider.name])
    wanted = set(keys)
    return sorted(row[0] for row in rows or () if row[1] in wanted)


def told(settings: Settings, provider: Provider, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """What the warehouse says of these requests that have a job: its id, and how it stands."""
    operation = provider.operations[0]
    known = replace(provider, tables=(*provider.tables, request_table(provider, operation)))
    sql = f"SELECT request_key, provider_job_id, job_state FROM {{{operation.name}}}"
    rows = warehouse.query(known, settings, sql)
    wanted = set(keys)
    return {row[0]: (row[1], row[2]) for row in rows or () if row[0] in wanted and row[1]}


def posts(sandbox: Sandbox, provider: Provider) -> int:
    """How many paid POSTs came in."""
    calls: Iterable[Call] = list(sandbox.traffic.calls)
    where = PAID[provider.name]
    return sum(call.method == "POST" and call.path.startswith(where) for call in calls)


def fault(provider: Provider, kind: Kind, **values: Any) -> Fault:
    """What goes wrong with the next paid POST that comes in, after those that wait already."""
    return Fault(kind=kind, path=PAID[provider.name], method="POST", **values)


def no_fault(provider: Provider) -> Fault:
    """A POST to which nothing happens."""
    return fault(provider, "timeout", seconds=0)
