"""What happens to a request on its way in and out: it is logged, and it can be made to fail.

request ─► log ─► fault waiting for this path? ─no─► the provider's sandbox ─► answer
                            │yes
                            ├ status     answer with a given status (and Retry-After) instead
                            ├ timeout    keep silent for `seconds`, then do the work and answer
                            ├ reset      do the work, then cut the connection: no byte of answer
                            └ truncate   do the work, then send half of the body and hang up
"""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["status", "timeout", "reset", "truncate"]


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with the next `times` requests whose path begins with `path`."""

    kind: Kind
    path: str = "/"
    method: str | None = None
    times: int = 1
    status: int = 500
    retry_after: str | None = None
    seconds: float = 5.0
    body: str = '{"message": "this server was asked to fail"}'
    content_type: str = "application/json"
    after_work: bool = False  # "status", "timeout": do the work first, then lose the answer


@dataclass(frozen=True)
class Call:
    """One request as it arrived: its method, path and query string, without its headers."""

    method: str
    path: str
    query: str


@dataclass
class Traffic:
    """The outermost ASGI layer: keeps the log of calls and the list of faults."""

    app: ASGIApp
    faults: list[Fault] = field(default_factory=list)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=100_000))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log the call, then pass it on or make it fail."""
        if scope["type"] != "http" or scope["path"].startswith("/_admin"):
            await self.app(scope, receive, send)
            return
        call = Call(scope["method"], scope["path"], scope["query_string"].decode())
        self.calls.append(call)
        fault = self._next_fault(call)
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await self._fail(fault, scope, receive, send)

    def _next_fault(self, call: Call) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if call.path.startswith(fault.path) and fault.method in (None, call.method):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        if fault.after_work or fault.kind in ("reset", "truncate"):
            await self.app(scope, receive, hold)
        match fault.kind:
            case "reset":
                await _cut(send)
            case "truncate":
                await _half(messages, send)
            case "status":
                await _status(fault, send)
            case "timeout":
                await asyncio.sleep(fault.seconds)
                if not fault.after_work:
                    await self.app(scope, receive, send)
                for message in messages:
                    await send(message)


async def _half(messages: list[Message], send: Send) -> None:
    body = b"".join(message.get("body", b"") for message in messages)
    await send(messages[0])
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(0.05)  # let the half leave before the connection is cut
    await _cut(send)


async def _cut(send: Send) -> None:
    # uvicorn's send is a method of the request's cycle, which owns the socket
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    await asyncio.sleep(0)  # uvicorn learns of it, and does not miss the rest of the answer


async def _status(fault: Fault, send: Send) -> None:
    headers = [(b"content-type", fault.content_type.encode())]
    if fault.retry_after is not None:
        headers.append((b"retry-after", fault.retry_after.encode()))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": fault.body.encode()})
