"""What the contract suite asks of a server beside HTTP: customers, images as they should be.

The sandbox is one such server; `conformance/` has the other, a real Directus.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Literal, Protocol

from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.imagine_api.sandbox.lifecycle import PROGRESS, Outcome
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.imagine_api.contract.client import Client

Status = Literal["pending", "queued", "in-progress", "completed", "failed"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image as it should be on the server, whatever the clock says."""

    status: Status = "completed"
    prompt: str = "a red fox in fresh snow --ar 16:9"
    ref: str | None = None
    date_created: str | None = None  # ISO 8601; None means now
    progress: int | None = None  # of one in progress, and of a failed one that had begun
    overtaken: bool = False  # in progress by a late report, with the pictures of a completed one
    foreign: bool = False  # another customer's
    stored: bool = False  # its pictures are really there


class Server(Protocol):
    """A server that the contract holds for."""

    @property
    def major(self) -> int:
        """The version of Directus: 9 or 11."""

    @property
    def database(self) -> str:
        """sqlite or postgres."""

    @property
    def caps_limits(self) -> bool:
        """Whether it knows QUERY_LIMIT_MAX: from version 10 on, and the sandbox."""

    def customer(self, images: Sequence[Image] = ()) -> Client:
        """A new customer with these images."""

    def configured(self, customer: Client, **settings: str) -> AbstractContextManager[Client]:
        """The same customer on a server with other environment variables."""

    def stranger(self, customer: Client) -> str | None:
        """The token of another customer of the same server; None where there cannot be one."""


@dataclass(frozen=True)
class SandboxServer:
    """The sandbox, which behaves as 9.23.1; each customer gets one of its own."""

    stack: ExitStack
    major: int = 9
    database: str = "sqlite"
    caps_limits: bool = True
    running: dict[str, ImagineApiSandbox] = field(default_factory=dict)

    def customer(self, images: Sequence[Image] = ()) -> Client:
        sandbox = self.stack.enter_context(Sandbox(clock=FrozenClock()).running())
        state = sandbox.providers["imagine_api"]
        assert isinstance(state, ImagineApiSandbox)
        state.images.clear()
        state.add(spec(image) for image in images)
        client = Client(sandbox.base_url("imagine_api"), KEY)
        self.running[client.base_url] = state
        return client

    @contextlib.contextmanager
    def configured(self, customer: Client, **settings: str) -> Iterator[Client]:
        state = self.running[customer.base_url]
        assert settings.keys() == {"QUERY_LIMIT_MAX"}
        state.query_limit_max = int(settings["QUERY_LIMIT_MAX"])
        yield customer
        state.query_limit_max = None

    def stranger(self, customer: Client) -> None:
        """The sandbox knows one key."""


def spec(image: Image) -> Spec:
    """The image in the sandbox's words."""
    outcomes: dict[Status, Outcome] = {
        "pending": "pending",
        "queued": "pending",
        "in-progress": "late" if image.overtaken else "stuck",
        "completed": "completed",
        "failed": "failed",
    }
    return Spec(
        prompt=image.prompt,
        ref=image.ref,
        date_created=image.date_created,
        outcome=outcomes[image.status],
        seconds=-60.0,
        started=image.progress is not None,
        reaches=PROGRESS.index(image.progress or 0),
        waits_as=image.status if image.status == "queued" else "pending",
        foreign=image.foreign,
    )
