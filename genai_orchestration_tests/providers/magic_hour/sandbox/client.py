"""Requests to Magic Hour's sandbox over plain HTTP, and a body for each tool."""

from typing import Any

import requests

from genai_orchestration.providers.sandbox import Sandbox

Json = dict[str, Any]
HEADERS = {"Authorization": "Bearer sandbox"}
IMAGE: Json = {"image_count": 1, "style": {"prompt": "a matte black sneaker"}}
UPSCALE: Json = {
    "scale_factor": 2,
    "assets": {"image_file_path": "https://cdn.example.com/hero.png"},
}
VIDEO: Json = {"end_seconds": 5, "style": {"prompt": "waves"}}
VOICE: Json = {"style": {"prompt": "Good morning to all", "voice_name": "Yoda"}}


def call(server: Sandbox, method: str, path: str, **options: Any) -> requests.Response:
    options.setdefault("headers", HEADERS)
    return requests.request(method, server.base_url("magic_hour") + path, timeout=10, **options)


def get(server: Sandbox, path: str, **params: Any) -> requests.Response:
    return call(server, "GET", path, params=params)


def create(server: Sandbox, tool: str, body: Json) -> Json:
    response = call(server, "POST", f"/v1/{tool}", json=body)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def status(server: Sandbox, id: str, kind: str = "image") -> str:
    return str(get(server, f"/v1/{kind}-projects/{id}").json()["status"])
