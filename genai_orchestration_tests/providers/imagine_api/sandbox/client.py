"""A customer of the sandbox: plain HTTP in, plain responses out, for the tests of this folder."""

from dataclasses import dataclass
from typing import Any

import requests

from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.sandbox.server import KEY, Sandbox

TIMEOUT = 10.0
IMAGES = "/items/images"


@dataclass(frozen=True)
class Client:
    sandbox: Sandbox

    @property
    def state(self) -> ImagineApiSandbox:
        state = self.sandbox.providers["imagine_api"]
        assert isinstance(state, ImagineApiSandbox)
        return state

    def ask(
        self, method: str, path: str, *, key: str | None = KEY, **more: Any
    ) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        url = path if path.startswith("http") else self.sandbox.base_url("imagine_api") + path
        return requests.request(method, url, headers=headers, timeout=TIMEOUT, **more)

    def list(self, query: str = "") -> Any:
        response = self.ask("GET", f"{IMAGES}?{query}")
        assert response.status_code == 200, response.text
        return response.json()

    def rows(self, query: str = "") -> Any:
        return self.list(query)["data"]

    def read(self, id: str) -> Any:
        return self.ask("GET", f"{IMAGES}/{id}").json()["data"]

    def post(self, body: Any) -> requests.Response:
        return self.ask("POST", IMAGES, json=body)

    def refusal(self, query: str) -> tuple[int, str]:
        return refusal(self.ask("GET", f"{IMAGES}?{query}"))


def refusal(response: requests.Response) -> tuple[int, str]:
    """The status and Directus' code of an error."""
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]
