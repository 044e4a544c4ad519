"""A sandbox that outlives its process: what it has answered for is in a file.

    POST, PATCH, DELETE ─► the work ─► clock and providers into the file ─► the answer leaves
                                             killed before: it never happened, for anybody

One file, for one sandbox at a time; it is the sandbox's own, and trusted. Faults and the log of
calls are not kept.
"""

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genai_orchestration.sandbox.clock import Clock

READS = ("GET", "HEAD", "OPTIONS", "SEARCH")
Contents = tuple[Clock, dict[str, Any]]  # the clock, and the providers' sandboxes that go by it


def load(path: Path) -> Contents | None:
    """What the sandbox had when it last answered; None when there is no file yet."""
    if not path.exists():
        return None
    contents: Contents = pickle.loads(path.read_bytes())  # noqa: S301 our own file
    return contents


def save(path: Path, contents: Contents) -> None:
    """Replace the file as a whole."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(pickle.dumps(contents))
    os.replace(unfinished, path)


@dataclass(frozen=True)
class Kept:
    """An ASGI layer: after each call that may change something, `save` comes before the answer."""

    app: ASGIApp
    save: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, and hold its answer until what it has changed is kept."""
        if scope["type"] != "http" or scope["method"] in READS:
            await self.app(scope, receive, send)
            return
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, hold)
        self.save()
        for message in messages:
            await send(message)
