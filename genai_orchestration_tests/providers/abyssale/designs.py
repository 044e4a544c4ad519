"""The sandbox's designs as Abyssale's API gives them, and the paid POST that renders one."""

from typing import Any

import requests

from genai_orchestration.providers.abyssale import PROVIDER
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.abyssale.workspace import state

(GENERATE,) = PROVIDER.operations
Json = dict[str, Any]
HEADERS = {"x-api-key": KEY}
TITLE = {"title": {"payload": "Hello"}}


def detail(sandbox: Sandbox, kind: str, **params: str) -> Json:
    """The detail of the sandbox's first design of that type, as the API gives it."""
    designs = state(sandbox).workspace.designs.values()
    found = next(design.id for design in designs if design.type == kind)
    url = f"{sandbox.base_url('abyssale')}/designs/{found}"
    row: Json = requests.get(url, headers=HEADERS, params=params, timeout=10).json()
    return row


def post(sandbox: Sandbox, payload: Json) -> requests.Response:
    body = {name: value for name, value in payload.items() if name != "design_id"}
    url = f"{sandbox.base_url('abyssale')}/async/banner-builder/{payload['design_id']}/generate"
    return requests.post(url, json=body, headers=HEADERS, timeout=10)
