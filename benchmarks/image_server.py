"""An ImagineAPI that is not the bottleneck: every record is serialized before the first request.

records (1.5 KB each, nested lists), sorted by date ─► bisect the window ─► join the page ─► answer

It knows the questions that the loads, the sensor and their alternatives ask: a window of
`date_created`, finished or not, a list of ids, one id; pages by `offset` or `page`; `limit=0` with
a count. Latency is added to every answer; `POST /_finish` completes images that are open. Every
file is the same small picture.
"""

import asyncio
import bisect
import contextlib
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any

import orjson
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.measuring import served
from genai_orchestration.sandbox.png import picture

FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)
DAYS = 90  # over which the records are spread, unless told otherwise
PROMPT = "a matte black sneaker on wet asphalt, studio light, 85 mm, --ar 16:9 " * 6
PICTURE = picture(PROMPT, 16, 16)
NAMESPACE = 1 << 100  # ids are this plus the record's number


@dataclass(frozen=True, kw_only=True)
class Images:
    """What is served: `open_` of the images, the newest ones, are not finished."""

    total: int
    first: datetime = FIRST
    days: float = DAYS
    open_: int = 0
    latency: float = 0.0  # seconds before each answer

    def created(self, number: int) -> str:
        """`date_created` of a record, as ImagineAPI writes it."""
        moment = self.first + timedelta(days=self.days) * (number / self.total)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def record(number: int, created: str, *, finished: bool = True) -> bytes:
    """One image of about 1.5 KB, as ImagineAPI sends it."""
    files = [str(uuid.UUID(int=number * 8 + quarter)) for quarter in range(5)]
    urls = [f"https://cl.imagineapi.dev/assets/{file}/{file}.png" for file in files]
    return orjson.dumps(
        {
            "id": str(uuid.UUID(int=number + NAMESPACE)),
            "prompt": PROMPT,
            "results": files[0] if finished else None,
            "user_created": str(uuid.UUID(int=1)),
            "date_created": created,
            "status": "completed" if finished else "in-progress",
            "progress": None if finished else 31,
            "url": urls[0] if finished else None,
            "error": None,
            "upscaled_urls": urls[1:] if finished else None,
            "ref": f"job-{number:07}",
            "upscaled": sorted(files[1:]) if finished else None,
        }
    )


@dataclass
class Store:
    """The serialized records, and which of them are open."""

    images: Images
    requests: int = 0  # answered since the last look at /_requests
    created: list[str] = field(init=False)
    records: list[bytes] = field(init=False)
    open_: list[int] = field(init=False)  # numbers, ascending

    def __post_init__(self) -> None:
        total, border = self.images.total, self.images.total - self.images.open_
        self.created = [self.images.created(number) for number in range(total)]
        self.records = [
            record(number, self.created[number], finished=number < border)
            for number in range(total)
        ]
        self.open_ = list(range(border, total))

    def finish(self, count: int) -> None:
        """Complete the oldest open images."""
        for number in self.open_[:count]:
            self.records[number] = record(number, self.created[number])
        del self.open_[:count]

    def chosen(self, asked: str) -> Sequence[int]:
        """The numbers of the records that a Directus filter asks for, in order of date."""
        first, end, state = 0, len(self.records), ""
        for operator, value in _conditions(orjson.loads(asked) if asked else {}):
            if operator == "_gte":
                first = max(first, bisect.bisect_left(self.created, value))
            elif operator == "_lt":
                end = min(end, bisect.bisect_left(self.created, value))
            elif operator == "id":
                return [uuid.UUID(each).int - NAMESPACE for each in value]
            else:
                state = operator
        still = self.open_[
            bisect.bisect_left(self.open_, first) : bisect.bisect_left(self.open_, end)
        ]
        if state == "open":
            return still
        if state == "finished" and still:
            opened = set(still)
            return [number for number in range(first, end) if number not in opened]
        return range(first, max(first, end))


def _conditions(asked: Any) -> Iterator[tuple[str, Any]]:
    """What a filter is made of: bounds of the date, ids, and whether finished ones are meant."""
    if isinstance(asked, list):
        for each in asked:
            yield from _conditions(each)
        return
    for name, value in asked.items():
        if name == "date_created":
            yield from value.items()
        elif name == "id":
            yield "id", value.get("_in") or [value["_eq"]]
        elif name == "status" and "_in" in value:
            yield "finished" if "completed" in value["_in"] else "open", None
        elif name == "_or":
            yield "finished" if "_in" in value[0].get("status", {}) else "open", None
        elif name == "_and":
            yield from _conditions(value)


def application(images: Images) -> Starlette:
    """The questions that are asked, over one store."""
    store = Store(images)

    async def listed(request: Request) -> Response:
        query = request.query_params
        await asyncio.sleep(images.latency)
        store.requests += 1
        chosen = store.chosen(query.get("filter", ""))
        limit = int(query.get("limit", 100))
        if limit == 0:
            return _json(b'{"meta":{"filter_count":%d},"data":[]}' % len(chosen))
        if query.get("sort", "").startswith("-"):
            chosen = chosen[::-1]
        start = int(query.get("offset", (int(query.get("page", 1)) - 1) * limit))
        page = [store.records[number] for number in chosen[start : start + limit]]
        return _json(b'{"data":[' + b",".join(page) + b"]}")

    async def one(request: Request) -> Response:
        await asyncio.sleep(images.latency)
        store.requests += 1
        number = uuid.UUID(request.path_params["id"]).int - NAMESPACE
        return _json(b'{"data":' + store.records[number] + b"}")

    async def finish(request: Request) -> Response:
        store.finish(int(request.query_params["count"]))
        return _json(b"{}")

    async def answered(request: Request) -> Response:
        counted, store.requests = store.requests, 0
        return _json(b"%d" % counted)

    return Starlette(
        routes=[
            Route("/items/images", listed),
            Route("/items/images/{id}", one),
            Route("/items/status", _healthy),
            Route("/assets/{id}", _file),
            Route("/_finish", finish, methods=["POST"]),
            Route("/_requests", answered),
        ]
    )


async def _healthy(request: Request) -> Response:
    return _json(b'{"data":{"bot_status":"healthy"}}')


async def _file(request: Request) -> Response:
    return Response(PICTURE, media_type="image/png")


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _serve(build: Callable[[], Starlette], sock: socket.socket, ready: Event) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = build()
    ready.set()
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off")).run([sock])


@dataclass(frozen=True)
class Server:
    """A running server, and its back door."""

    url: str

    def requests(self) -> int:
        """How many requests were answered since the last time this was asked."""
        return int(requests.get(f"{self.url}/_requests", timeout=30).text)

    def finish(self, count: int) -> None:
        """Complete the oldest open images."""
        requests.post(f"{self.url}/_finish", params={"count": count}, timeout=30)


@contextlib.contextmanager
def serving(images: Images) -> Iterator[Server]:
    """The images, served."""
    with running(partial(application, images)) as url:
        yield Server(url)


def running(build: Callable[[], Starlette]) -> contextlib.AbstractContextManager[str]:
    """The application that `build` makes, in a process of its own; gives its address."""
    return served(partial(_serve, build))
