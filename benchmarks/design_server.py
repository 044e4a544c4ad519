"""An Abyssale workspace that keeps the gateway's ceiling, and remembers when requests arrived.

GET /designs, /designs/{id} ─► arrival noted ─► ten in the last second? ─► 429 at once
                                                     └─► latency ─► the answer
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.image_server import running

CEILING = 10  # requests in any second: Abyssale's gateway, over a whole workspace
FORMATS = [f"format-{number}" for number in range(8)]
LAYERS = 12  # of each design: some 10 KB of JSON
REFUSAL = {"id": "rate_limit_exceeded", "message": "Too many requests"}  # without a Retry-After


@dataclass
class Arrivals:
    """When requests arrived, in seconds of the server's own clock, and how many were refused."""

    moments: list[float] = field(default_factory=list)
    details: list[float] = field(default_factory=list)  # those for the inside of a design
    refused: int = 0


@dataclass
class Gateway:
    """The ceiling: a sliding second over what was let through."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    through: list[float] = field(default_factory=list)

    def lets_through(self, *, detail: bool) -> bool:
        """Note a request that has just arrived; False when it is over the ceiling."""
        now = time.monotonic()
        self.arrivals.moments.append(now)
        if detail:
            self.arrivals.details.append(now)
        if len(self.through) >= CEILING and now - self.through[-CEILING] < 1:
            self.arrivals.refused += 1
            return False
        self.through.append(now)
        return True


def design(number: int) -> dict[str, Any]:
    """A design as `GET /designs` lists it."""
    return {
        "id": str(uuid.UUID(int=number)),
        "name": f"Design {number}",
        "type": "static",
        "created_at": 1_788_134_400,
        "updated_at": 1_795_132_801,
        "project_id": str(uuid.UUID(int=1 << 100)),
        "project_name": "Retail",
        "category_id": str(uuid.UUID(int=1 << 100)),
        "category_name": "Retail",
        "preview_url": f"https://example.com/{number}.png",
    }


def detail(number: int) -> dict[str, Any]:
    """The same design with its inside."""
    layer = {
        "type": "text",
        "layout": {name: {"x": 40, "y": 60, "width": 900, "height": 120} for name in FORMATS},
        "attributes": [{"id": "payload", "values": dict.fromkeys(FORMATS, "-40% today {city}")}],
    }
    return {
        **design(number),
        "version": "v2026-10-21",
        "variables": {"city": "{city}"},
        "formats": [{"id": name, "uid": name, "width": 1200, "height": 628} for name in FORMATS],
        "elements": [{"name": f"layer-{number}", **layer} for number in range(LAYERS)],
    }


def application(total: int, latency: float) -> Starlette:
    """A workspace of `total` designs; each answer takes `latency` seconds."""
    gateway = Gateway()
    listed = orjson.dumps([design(number) for number in range(total)])
    details = {design(number)["id"]: orjson.dumps(detail(number)) for number in range(total)}

    async def answer(request: Request) -> Response:
        id_ = request.path_params.get("id")
        if not gateway.lets_through(detail=bool(id_)):
            return Response(orjson.dumps(REFUSAL), 429, media_type="application/json")
        await asyncio.sleep(latency)
        return Response(details[id_] if id_ else listed, media_type="application/json")

    async def arrivals(request: Request) -> Response:
        told, gateway.arrivals = gateway.arrivals, Arrivals()
        return Response(orjson.dumps(told), media_type="application/json")

    return Starlette(
        routes=[
            Route("/designs", answer),
            Route("/designs/{id}", answer),
            Route("/_arrivals", arrivals),
        ]
    )


@dataclass(frozen=True)
class Workspace:
    """A running server, and its back door."""

    url: str

    def arrivals(self) -> Arrivals:
        """The requests that arrived since the last time this was asked."""
        return Arrivals(**requests.get(f"{self.url}/_arrivals", timeout=30).json())


@contextlib.contextmanager
def serving(total: int, latency: float) -> Iterator[Workspace]:
    """A workspace of so many designs, served."""
    with running(partial(application, total, latency)) as url:
        yield Workspace(url)
