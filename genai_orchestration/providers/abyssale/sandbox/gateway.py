"""The door of Abyssale's sandbox: what happens to a call before and after its endpoint.

    call ─► key? ─no─► 401       ceiling? ─over─► 429, no headers       endpoint ─► X-RateLimit-*

The vendor's one error envelope is here as well, since the door and every endpoint answer with it.
"""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.sandbox.server import KEY

API_VERSION = "v2026-10-21"
CEILING = 10  # requests in any one second, over the whole workspace
WINDOW = 1.0  # seconds of real time: a frozen clock must not freeze the ceiling
READS_PER_MINUTE = 600  # what X-RateLimit-* counts down from; shown, never enforced
OPEN = ("/ready", "/_files/", "/_admin/")  # paths that ask for no key
UNMETERED = "/banner-builder/"  # generation is in no tier of the rate limits


class ApiFailure(Exception):
    """An answer in the vendor's error envelope; clients branch on `id`."""

    def __init__(
        self, status: int, id: str, message: str, *, errors: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.id = id
        self.errors = errors

    def answer(self) -> JSONResponse:
        """The envelope, with its list of problems when there are some."""
        body: dict[str, Any] = {"id": self.id, "message": str(self)}
        if self.errors:
            body["errors"] = self.errors
        return stamped(body, status=self.status)


def bad_field(path: str, code: str, message: str) -> ApiFailure:
    """400 for one field of a body."""
    problem = {"path": path, "code": code, "message": message}
    return ApiFailure(400, code, f"{path}: {message}", errors=[problem])


def bad_parameter(name: str, message: str) -> ApiFailure:
    """400 for one query parameter."""
    return bad_field(name, "invalid_query_param", message)


def stamped(body: Mapping[str, Any], *, status: int = 200) -> JSONResponse:
    """A JSON object with the API's version on it. Root arrays and banners do not come here."""
    return JSONResponse({**body, "version": API_VERSION}, status_code=status)


def on_failure(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler of a `ApiFailure`."""
    assert isinstance(error, ApiFailure)
    return error.answer()


def on_unknown_path(request: Request, error: Exception) -> JSONResponse:
    """A path that is no endpoint, which includes an id that is no UUID."""
    return ApiFailure(404, "endpoint_not_found", f"No endpoint {request.url.path}.").answer()


def on_wrong_method(request: Request, error: Exception) -> JSONResponse:
    """A path that is an endpoint, called with another method."""
    return ApiFailure(405, "method_not_allowed", f"{request.method} is not allowed here.").answer()


class Gateway:
    """Counts the calls of the workspace, and refuses those above the ceiling."""

    def __init__(self, clock: Clock) -> None:
        self.keys = {KEY}
        self.limit: int | None = CEILING
        self.peak = 0
        self._clock = clock
        self._arrivals: deque[float] = deque()
        self._minute, self._reads = 0, 0

    def refusal(self, key: str | None) -> ApiFailure | None:
        """Why a call with that key may not pass; None when it may."""
        if key not in self.keys:
            return ApiFailure(401, "unauthorized", "Unauthorized: missing or invalid API key.")
        arrived = self._arrive()
        if self.limit is not None and arrived > self.limit:
            return ApiFailure(429, "rate_limit_exceeded", "Too many requests.")
        return None

    def rate_headers(self) -> dict[str, str]:
        """Count one call of this minute, and say how many are left in it."""
        minute = int(self._clock.now().timestamp()) // 60
        self._reads = self._reads + 1 if minute == self._minute else 1
        self._minute = minute
        return {
            "X-RateLimit-Limit": str(READS_PER_MINUTE),
            "X-RateLimit-Remaining": str(max(READS_PER_MINUTE - self._reads, 0)),
            "X-RateLimit-Reset": str((minute + 1) * 60),
        }

    def _arrive(self) -> int:
        now = time.monotonic()
        self._arrivals.append(now)
        while self._arrivals[0] <= now - WINDOW:
            self._arrivals.popleft()
        self.peak = max(self.peak, len(self._arrivals))
        return len(self._arrivals)


class GatewayMiddleware:
    """The ASGI layer in front of the endpoints."""

    def __init__(self, app: ASGIApp, *, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the call pass, with rate headers on its answer, or refuse it."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(OPEN):
            await self._app(scope, receive, send)
            return
        refusal = self._gateway.refusal(Headers(scope=scope).get("x-api-key"))
        if refusal:
            await refusal.answer()(scope, receive, send)
            return

        async def with_rates(message: Message) -> None:
            metered = UNMETERED not in path and message.get("status") != 429
            if message["type"] == "http.response.start" and metered:
                MutableHeaders(scope=message).update(self._gateway.rate_headers())
            await send(message)

        await self._app(scope, receive, with_rates)
