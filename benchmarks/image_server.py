"""An ImagineAPI that is not the bottleneck: every record is serialized before the first request.

records (1.5 KB each, nested lists) ─► joined by `limit` and `offset` or `page` ─► one answer
"""

import contextlib
import multiprocessing
import socket
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)
DAYS = 90  # over which the records are spread
PROMPT = "a matte black sneaker on wet asphalt, studio light, 85 mm, --ar 16:9 " * 6


def record(number: int, total: int) -> bytes:
    """One finished image of about 1.5 KB, as ImagineAPI sends it."""
    files = [str(uuid.UUID(int=number * 8 + quarter)) for quarter in range(5)]
    urls = [f"https://cl.imagineapi.dev/assets/{file}/{file}.png" for file in files]
    created = FIRST + timedelta(days=DAYS) * (number / total)
    return orjson.dumps(
        {
            "id": str(uuid.UUID(int=number + (1 << 100))),
            "prompt": PROMPT,
            "results": files[0],
            "user_created": str(uuid.UUID(int=1)),
            "date_created": created.strftime("%Y-%m-%dT%H:%M:%S.")
            + f"{created.microsecond // 1000:03}Z",
            "status": "completed",
            "progress": None,
            "url": urls[0],
            "error": None,
            "upscaled_urls": urls[1:],
            "ref": f"job-{number:07}",
            "upscaled": sorted(files[1:]),
        }
    )


def application(total: int) -> Starlette:
    """The two questions that a load asks: how many, and a page of them."""
    records = [record(number, total) for number in range(total)]
    counted = orjson.dumps({"meta": {"filter_count": total}, "data": []})

    async def images(request: Request) -> Response:
        query = request.query_params
        limit = int(query.get("limit", 100))
        if limit == 0:
            return Response(counted, media_type="application/json")
        start = int(query.get("offset", (int(query.get("page", 1)) - 1) * limit))
        body = b'{"data":[' + b",".join(records[start : start + limit]) + b"]}"
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/items/images", images)])


def _serve(sock: socket.socket, total: int, ready: "multiprocessing.synchronize.Event") -> None:
    app = application(total)
    ready.set()
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off")).run([sock])


@contextlib.contextmanager
def serving(total: int) -> Iterator[str]:
    """A server of `total` images in a process of its own; gives its base URL."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ready = multiprocessing.Event()
    process = multiprocessing.Process(target=_serve, args=(sock, total, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(300), "the server did not start"
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        process.terminate()
        process.join()
        sock.close()
