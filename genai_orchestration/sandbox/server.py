"""The sandbox as a server: in a thread of this process for tests, in the foreground for people."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from genai_orchestration.doors.guard import Guard
from genai_orchestration.errors import UserError
from genai_orchestration.sandbox import state
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.sandbox.traffic import Chaos, Fault, Traffic
from genai_orchestration.settings import hosts

KEY = "sandbox"  # the API key that every provider's sandbox takes
HOST = "127.0.0.1"


class PortInUse(UserError):
    """Something else listens on the port."""


class ProviderSandbox(Protocol):
    """One provider's side of the sandbox: the state of one account, and the routes that show it."""

    keys: set[str]  # that open the account: KEY, and whatever a test exchanges it for
    account_id: str  # the vendor's own id of it, whatever the key

    def routes(self) -> Sequence[BaseRoute]:
        """Routes relative to `/<provider>`."""


Served = TypeVar("Served", bound="SandboxServer")
Create = Callable[[Clock], Mapping[str, Any]]  # the providers' sandboxes by name, for a clock


class SandboxServer:
    """Providers' APIs, their clock and their faults, as one ASGI application on a local port.

    With a `kept` file it goes on as what an earlier process of that file was when it last answered.
    """

    def __init__(self, create: Create, *, clock: Clock | None = None, kept: Path | None = None):
        self.clock, self.providers = (kept and state.load(kept)) or _created(
            create, clock or Clock()
        )
        mounts = [
            Mount(f"/{name}", app=Router(routes=list(sandbox.routes())))
            for name, sandbox in self.providers.items()
        ]
        served = Starlette(routes=[*self._admin_routes(), *mounts])
        app: ASGIApp = Guard(served, hosts(), pictures=True)  # the web UI shows them
        if kept:
            app = state.Kept(app, lambda: state.save(kept, (self.clock, self.providers)))
        self.traffic = Traffic(app)
        self.url = ""

    def base_url(self, provider: str) -> str:
        """What to configure as `base_url` of that provider."""
        return f"{self.url}/{provider}"

    def environment(self) -> dict[str, str]:
        """The environment variables that point every provider at this sandbox."""
        return {
            f"SOURCES__{name.upper()}_SOURCE__{setting}": value
            for name in self.providers
            for setting, value in (("API_KEY", KEY), ("BASE_URL", self.base_url(name)))
        }

    @contextlib.contextmanager
    def running(self: Served, port: int = 0) -> Iterator[Served]:
        """Serve from a thread of this process; `port` 0 takes a free one."""
        server, sock = self._server(port)
        thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield self
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join()
            sock.close()

    def serve(self: Served, port: int, ready: Callable[[Served], None]) -> None:
        """Serve in the foreground until Ctrl-C; `ready` is called once the port is open."""
        server, sock = self._server(port)
        with contextlib.closing(sock):
            ready(self)
            server.run([sock])

    def _server(self, port: int) -> tuple[uvicorn.Server, socket.socket]:
        try:
            sock = socket.create_server((HOST, port))
        except OSError:
            raise PortInUse(f"Port {port} is in use: choose another with --port, or 0.") from None
        # asyncio leaves Nagle's algorithm on for sockets that it did not make: 40 ms an answer
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://{HOST}:{sock.getsockname()[1]}"
        # h11 and asyncio: the plain protocol, whose socket `Traffic` can cut
        config = uvicorn.Config(
            self.traffic, log_level="warning", http="h11", loop="asyncio", lifespan="off"
        )
        return uvicorn.Server(config), sock

    def _admin_routes(self) -> list[Route]:
        return [
            Route("/_admin/clock", self._move_clock, methods=["POST"]),
            Route("/_admin/faults", self._add_fault, methods=["POST"]),
            Route("/_admin/faults", self._clear_faults, methods=["DELETE"]),
            Route("/_admin/chaos", self._failed, methods=["GET"]),
            Route("/_admin/chaos", self._begin_chaos, methods=["POST"]),
            Route("/_admin/chaos", self._end_chaos, methods=["DELETE"]),
        ]

    async def _move_clock(self, request: Request) -> JSONResponse:
        self.clock.advance((await request.json())["advance"])
        return JSONResponse({"now": self.clock.now().isoformat()})

    async def _add_fault(self, request: Request) -> JSONResponse:
        fault = Fault(**await request.json())
        self.traffic.faults.append(fault)
        return JSONResponse(asdict(fault))

    async def _clear_faults(self, request: Request) -> JSONResponse:
        self.traffic.faults.clear()
        return JSONResponse([])

    async def _failed(self, request: Request) -> JSONResponse:
        return JSONResponse({"calls": len(self.traffic.calls), "failed": self.traffic.failed})

    async def _begin_chaos(self, request: Request) -> JSONResponse:
        asked = await request.json()
        faults = [Fault(**fault) for fault in asked.pop("faults")]
        self.traffic.chaos = Chaos(**asked, faults=faults)
        return JSONResponse({**asked, "faults": [asdict(fault) for fault in faults]})

    async def _end_chaos(self, request: Request) -> JSONResponse:
        self.traffic.chaos = None
        return await self._failed(request)


def _created(create: Create, clock: Clock) -> state.Contents:
    """New sandboxes, going by that clock."""
    return clock, dict(create(clock))
