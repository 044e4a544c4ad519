"""ImagineAPI's paid POST in tests: our own, somebody else's, and what goes wrong with them."""

from typing import Any

import requests

from genai_orchestration.providers.base import Account
from genai_orchestration.providers.imagine_api.submission import ImagineApiSubmitter
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault

CREATE = "images_create"
FOX = {"prompt": "a fox"}


def of(base_url: str, key: str = KEY) -> ImagineApiSubmitter:
    return ImagineApiSubmitter(Account(api_key=key, base_url=base_url))


def posts(sandbox: Sandbox) -> int:
    return [call.method for call in sandbox.traffic.calls].count("POST")


def fail(sandbox: Sandbox, **fault: Any) -> None:
    sandbox.traffic.faults.append(
        Fault(**{"kind": "status", "path": "/imagine_api", "method": "POST", **fault})
    )


def post(sandbox: Sandbox, **body: str) -> str:
    """An image that somebody else has asked for; its id."""
    answer = requests.post(
        f"{sandbox.base_url('imagine_api')}/items/images",
        json=body,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    return str(answer.json()["data"]["id"])
