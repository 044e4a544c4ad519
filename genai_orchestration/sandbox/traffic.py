"""What happens to a request on its way in and out: it is logged, and it can be made to fail.

request ─► log ─► fault waiting for this path? or by chance? ─no─► the provider's sandbox ─► answer
                            │yes
                            ├ status     answer with a given status (and Retry-After) instead
                            ├ timeout    keep silent for `seconds`, then do the work and answer
                            ├ drop       cut the connection before the work: nothing was done
                            ├ reset      do the work, then cut the connection: no byte of answer
                            ├ truncate   do the work, then send half of the body and hang up
                            ├ half       do the work, then send half of the body as if it were all
                            └ trickle    do the work, then send the body over `seconds`
"""

import asyncio
import random
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["status", "timeout", "drop", "reset", "truncate", "half", "trickle"]
PIECES = 20  # that a trickling body is sent in


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

    def strikes(self, call: "Call") -> bool:
        """Whether it is for a call like this one."""
        return call.path.startswith(self.path) and self.method in (None, call.method)

    def __str__(self) -> str:
        waits = f", Retry-After {self.retry_after}" if self.retry_after is not None else ""
        what = f"{self.status} {self.content_type}{waits}" if self.kind == "status" else self.kind
        return f"{what}, after the work" if self.after_work else what


@dataclass(kw_only=True)
class Chaos:
    """Faults at random: `share` of all calls fail by one of `faults`, however often.

    The same seed strikes the same calls of a series, in the same way.
    """

    share: float
    faults: Sequence[Fault]
    seed: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 to be repeatable is the point

    def draw(self, call: "Call") -> Fault | None:
        """The fault of this call, if it is to have one."""
        if self._random.random() >= self.share:
            return None
        fitting = [fault for fault in self.faults if fault.strikes(call)]
        return self._random.choice(fitting) if fitting else None


@dataclass(frozen=True)
class Call:
    """One request as it arrived: its method, path and query string, without its headers."""

    method: str
    path: str
    query: str


@dataclass
class Traffic:
    """The outermost ASGI layer: keeps the log of calls, and what is to go wrong and has gone."""

    app: ASGIApp
    faults: list[Fault] = field(default_factory=list)
    chaos: Chaos | None = None  # for the calls that no fault of the list waits for
    failed: Counter[str] = field(default_factory=Counter)  # calls, by what they failed by
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
            self.failed[str(fault)] += 1
            await self._fail(fault, scope, receive, send)

    def _next_fault(self, call: Call) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.strikes(call):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
            return self.chaos.draw(call) if self.chaos else None

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        if fault.after_work or fault.kind in ("reset", "truncate", "half", "trickle"):
            await self.app(scope, receive, hold)
        match fault.kind:
            case "drop" | "reset":
                await _cut(send)
            case "truncate":
                await _truncate(messages, send)
            case "half":
                await _half(messages, send)
            case "trickle":
                await _trickle(messages, send, fault.seconds)
            case "status":
                await _status(fault, send)
            case "timeout":
                await asyncio.sleep(fault.seconds)
                if not fault.after_work:
                    await self.app(scope, receive, hold)
                await _whole(messages, send)


async def _whole(messages: list[Message], send: Send) -> None:
    for message in messages:
        await send(message)


async def _truncate(messages: list[Message], send: Send) -> None:
    body = _body(messages)
    await send(messages[0])
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(0.05)  # let the half leave before the connection is cut
    await _cut(send)


async def _half(messages: list[Message], send: Send) -> None:
    body = _body(messages)
    half = body[: len(body) // 2]
    length = (b"content-length", str(len(half)).encode())
    kept = [pair for pair in messages[0]["headers"] if pair[0].lower() != length[0]]
    await send({**messages[0], "headers": [*kept, length] if body else messages[0]["headers"]})
    await send({"type": "http.response.body", "body": half})


async def _trickle(messages: list[Message], send: Send, seconds: float) -> None:
    await send(messages[0])
    for piece in _pieces(_body(messages)):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(seconds / PIECES)
    await send({"type": "http.response.body"})


def _pieces(body: bytes) -> Iterator[bytes]:
    size = max(-(-len(body) // PIECES), 1)
    return (body[start : start + size] for start in range(0, len(body), size))


def _body(messages: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in messages)


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
