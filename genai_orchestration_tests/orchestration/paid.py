"""Paid requests for the tests of the assets that submit them, and what came of them."""

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

import dagster as dg

from genai_orchestration import warehouse
from genai_orchestration.definitions import defs
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import all_providers, provider_named
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.request import NewRequest, operations_of
from genai_orchestration.settings import Settings

OPERATIONS = operations_of(all_providers())


def fox(key: str, prompt: str = "a red fox") -> NewRequest:
    """An image of ImagineAPI."""
    return _request("imagine_api", "images_create", {"prompt": prompt}, key)


def hero(key: str, prompt: str = "a sneaker", **more: Any) -> NewRequest:
    """An image of Magic Hour: 5 credits."""
    body = {"image_count": 1, "style": {"prompt": prompt}, "model": "z-image-turbo", **more}
    return _request("magic_hour", "ai_image_generator", body, key)


def banner(key: str, design: str, **more: Any) -> NewRequest:
    """A banner of Abyssale."""
    return _request("abyssale", "generation_requests", {"design_id": design, **more}, key)


def _request(provider: str, operation: str, body: dict[str, Any], key: str) -> NewRequest:
    return NewRequest(provider=provider, operation=operation, payload=body, request_key=key)


def approved(*wanted: NewRequest) -> None:
    """Plan the requests, and approve them."""
    now = datetime.now(timezone.utc)
    paid = [PaidRequest.of(each, OPERATIONS[each.provider, each.operation]) for each in wanted]
    with Ledger.open(Settings.load()) as ledger:
        ledger.add(paid, now).check()
        ledger.approve([each.request_key for each in wanted], now)


def materialize(
    instance: dg.DagsterInstance, provider: str, operation: str, **config: Any
) -> dg.ExecuteInProcessResult:
    """Submit by the asset of an operation, with this configuration in the launchpad."""
    return (
        defs()
        .resolve_job_def(f"{provider}_requests")
        .execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey([provider, operation])],
            run_config={"ops": {f"{provider}_{operation}": {"config": {"submit": True, **config}}}},
            raise_on_error=False,
        )
    )


def rows(provider: str, table: str, columns: str) -> list[tuple[Any, ...]]:
    """What the warehouse has of a table, in the order of its first column."""
    sql = f"SELECT {columns} FROM {table} ORDER BY 1"
    qualified = sql.replace(f"FROM {table}", f"FROM {provider}_data.{table}")
    return warehouse.query(provider_named(provider), Settings.load(), qualified) or []


def posts(sandbox: Sandbox) -> list[str]:
    """The paths of all requests that were no reads."""
    return [call.path for call in sandbox.traffic.calls if call.method != "GET"]


def words(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed, in its own words."""
    return " ".join(_failures(result))


def _failures(result: dg.ExecuteInProcessResult) -> Iterable[str]:
    for event in result.all_events:
        data = event.step_failure_data if event.is_step_failure else None
        if data and data.user_failure_data:
            yield data.user_failure_data.description or ""
