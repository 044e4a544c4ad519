"""Directus' own API in an administrator's hands, the same for versions 9 and 11."""

from dataclasses import dataclass
from typing import Any

import requests

EMAIL, PASSWORD = "admin@example.com", "admin"
TIMEOUT = 60.0


@dataclass(frozen=True)
class Admin:
    """Who may do everything on one server."""

    url: str
    token: str

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The `data` of an answer; AssertionError with the server's words for any error."""
        headers = {"Authorization": f"Bearer {self.token}", "Cache-Control": "no-store"}
        answer = requests.request(method, self.url + path, headers=headers, timeout=TIMEOUT, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["data"] if answer.content else None

    def post(self, path: str, body: Any) -> Any:
        """Create something; its record."""
        return self.ask("POST", path, json=body)

    def upload(self, content: bytes, **fields: str) -> str:
        """Store a file; its id."""
        file = {"file": ("picture.png", content, "image/png")}
        return str(self.ask("POST", "/files", data=fields, files=file)["id"])


def log_in(url: str) -> Admin:
    """The administrator that every new server has."""
    answer = requests.post(
        f"{url}/auth/login", json={"email": EMAIL, "password": PASSWORD}, timeout=TIMEOUT
    )
    assert answer.ok, answer.text
    return Admin(url, answer.json()["data"]["access_token"])
