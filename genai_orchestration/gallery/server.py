"""The gallery's server, for this machine alone: the marimo app, small pictures, and files.

/                      app.py
/thumbnails/<path>     a picture of the archive, made small
/files/<path>          the archived file itself
"""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from genai_orchestration.doors.guard import Guard
from genai_orchestration.errors import UserError
from genai_orchestration.gallery import pictures
from genai_orchestration.settings import Settings, hosts

HOST = "127.0.0.1"  # it asks for no password: never open it to a network by itself
FOR_EVER = "private, max-age=31536000, immutable"  # a content address never changes
GRACE_SECONDS = 2  # seconds that open pages get to notice the end
TYPES = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp", "gif": "gif", "avif": "avif"}
APP = Path(__file__).with_name("app.py")


class PortInUse(UserError):
    """Something else listens there."""


def serve(settings: Settings, port: int, ready: Callable[[str], None]) -> None:
    """Serve the gallery until Ctrl-C; `ready` is called with its URL. Port 0 finds one."""
    try:
        listener = socket.create_server((HOST, port))
    except OSError:
        raise PortInUse(f"Port {port} is in use: choose another one with --port.") from None
    with listener:
        config = uvicorn.Config(
            application(settings), log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS
        )
        ready(f"http://{HOST}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run([listener])


def application(settings: Settings) -> Starlette:
    """The app and the pictures, for this machine's own names and the gallery's own pages."""
    import marimo

    gallery = marimo.create_asgi_app(quiet=True).with_app(path="", root=str(APP)).build()
    routes: list[BaseRoute] = [
        Route("/thumbnails/{path:path}", _thumbnail),
        Route("/files/{path:path}", _file),
        Mount("/", gallery),
    ]
    # marimo's own websocket does not distinguish its pages from those of others by Origin
    made = Starlette(routes=routes, middleware=[Middleware(Guard, hosts=hosts())])
    made.state.settings = settings
    return made


def _thumbnail(request: Request) -> Response:
    try:
        made = pictures.thumbnail(request.app.state.settings, request.path_params["path"])
    except pictures.NoPicture as none:
        return Response(str(none), 404)
    return _cached(made, "image/webp")


def _file(request: Request) -> Response:
    path = request.path_params["path"]
    try:
        content = pictures.original(request.app.state.settings, path)
    except pictures.NoPicture as none:
        return Response(str(none), 404)
    kind = TYPES.get(path.rpartition(".")[2])
    return _cached(content, f"image/{kind}" if kind else "application/octet-stream")


def _cached(content: bytes, kind: str) -> Response:
    return Response(
        content,
        media_type=kind,
        headers={"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"},
    )
