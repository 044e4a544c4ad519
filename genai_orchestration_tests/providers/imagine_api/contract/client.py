"""A customer of an ImagineAPI server: plain HTTP in, plain responses out."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

TIMEOUT = 60.0
IMAGES = "/items/images"
FORBIDDEN = (403, "FORBIDDEN")
INVALID_QUERY = (400, "INVALID_QUERY")
INVALID_PAYLOAD = (400, "INVALID_PAYLOAD")
INVALID = (400, "FAILED_VALIDATION")
SERVER_FAULT = (500, "INTERNAL_SERVER_ERROR")


@dataclass(frozen=True)
class Client:
    base_url: str
    token: str

    def ask(
        self, method: str, path: str, *, token: str | None = "", **more: Any
    ) -> requests.Response:
        """Any request, with this customer's token unless another one, or None, is given."""
        token = self.token if token == "" else token
        headers = {
            **({"Authorization": f"Bearer {token}"} if token else {}),
            **more.pop("headers", {}),
        }
        url = path if path.startswith("http") else self.base_url + path
        return requests.request(method, url, headers=headers, timeout=TIMEOUT, **more)

    def list(self, query: str = "") -> Any:
        response = self.ask("GET", f"{IMAGES}?{query}")
        assert response.status_code == 200, response.text
        return response.json()

    def rows(self, query: str = "") -> Any:
        return self.list(query)["data"]

    def search(self, **body: Any) -> requests.Response:
        return self.ask("SEARCH", IMAGES, json=body)

    def count(self, wanted: Any) -> int:
        """How many records match a filter."""
        query = f"limit=0&meta=filter_count&filter={quote(json.dumps(wanted))}"
        found: int = self.list(query)["meta"]["filter_count"]
        return found

    def read(self, id: str) -> Any:
        return self.ask("GET", f"{IMAGES}/{id}").json()["data"]

    def post(self, body: Any) -> requests.Response:
        return self.ask("POST", IMAGES, json=body)

    def made(self, **body: Any) -> Any:
        """The record of a new image."""
        response = self.post(body)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def refusal(self, query: str) -> tuple[int, str]:
        return refusal(self.ask("GET", f"{IMAGES}?{query}"))


def refusal(response: requests.Response) -> tuple[int, str]:
    """The status and Directus' code of an error."""
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]
