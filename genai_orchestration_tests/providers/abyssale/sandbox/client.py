"""Requests to Abyssale's sandbox over plain HTTP, and a design of each type to ask for."""

from typing import Any

import requests

from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.abyssale.sandbox.designs import Design
from genai_orchestration.providers.sandbox import Sandbox

HEADERS = {"x-api-key": "sandbox"}
STAMP = "v2026-10-21"
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def call(server: Sandbox, method: str, path: str, **options: Any) -> requests.Response:
    options.setdefault("headers", HEADERS)
    return requests.request(method, server.base_url("abyssale") + path, timeout=10, **options)


def get(server: Sandbox, path: str, **params: Any) -> requests.Response:
    return call(server, "GET", path, params=params)


def names(response: requests.Response) -> list[str]:
    return [row["name"] for row in response.json()]


def design_of(state: AbyssaleSandbox, kind: str, *, holding: str = "") -> Design:
    return next(
        design
        for design in state.designs.values()
        if design.type == kind
        and design.in_plan
        and (not holding or holding in [each.name for each in design.formats])
    )
