"""Abyssale's sandbox: the API's endpoints over a seeded workspace.

    call ─► Door (key, ceiling, rate headers) ─► Reads, Writes ─┬─► Workspace  designs, fonts …
                                                                └─► Studio     generations, banners

A request comes in, the vendor's JSON goes out. `/_files/…` serves the pictures and `/_admin/…`
changes designs behind the API's back; neither asks for a key.
"""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from genai_orchestration.providers.abyssale.sandbox.designs import Design, seeded
from genai_orchestration.providers.abyssale.sandbox.gateway import (
    ApiFailure,
    Gateway,
    GatewayMiddleware,
    on_failure,
    on_unknown_path,
    on_wrong_method,
)
from genai_orchestration.providers.abyssale.sandbox.jobs import RenderQueue
from genai_orchestration.providers.abyssale.sandbox.reads import Reads
from genai_orchestration.providers.abyssale.sandbox.writes import Writes
from genai_orchestration.sandbox.clock import Clock

STOCK = 5  # banners that exist from the start


class AbyssaleSandbox:
    """The state of one workspace, and the routes that show it."""

    def __init__(self, clock: Clock) -> None:
        self.workspace = seeded(clock.now())
        self.studio = RenderQueue()
        self.gateway = Gateway(clock)
        static = [each for each in self.designs.values() if each.type == "static"]
        self.banner_ids = self.studio.stock(static[:STOCK], clock.now())
        self._reads = Reads(clock, self.workspace, self.studio)
        self._writes = Writes(clock, self.workspace, self.studio)

    @property
    def keys(self) -> set[str]:
        """The keys that open the workspace; may be changed."""
        return self.gateway.keys

    @property
    def account_id(self) -> str:
        """The company that the workspace is of; may be set."""
        return self.workspace.company

    @account_id.setter
    def account_id(self, company: str) -> None:
        self.workspace.company = company

    @property
    def designs(self) -> dict[str, Design]:
        """The designs by id."""
        return self.workspace.designs

    @property
    def accepted(self) -> int:
        """How many generations were accepted: each of them bills."""
        return self.studio.at_once + len(self.studio.generations)

    @property
    def gateway_limit(self) -> int | None:
        """How many requests the gateway takes in any one second; None takes all."""
        return self.gateway.limit

    @gateway_limit.setter
    def gateway_limit(self, limit: int | None) -> None:
        self.gateway.limit = limit

    @property
    def gateway_peak(self) -> int:
        """The most requests that came in any one second so far, refused ones included."""
        return self.gateway.peak

    def touch(self, design_id: str, *, name: str | None = None) -> None:
        """Change a design as a person in the web app does: `updated_at` is now."""
        self._writes.touch(self.designs[design_id], name=name)

    def remove_design(self, design_id: str) -> None:
        """Delete a design as a person in the web app does: it is simply not there any more."""
        del self.designs[design_id]

    def routes(self) -> list[BaseRoute]:
        """Everything below `/abyssale`: an application of its own, for its errors are its own."""
        app = Starlette(
            routes=[*self._reads.routes(), *self._writes.routes()],
            middleware=[Middleware(GatewayMiddleware, gateway=self.gateway)],
            exception_handlers={
                ApiFailure: on_failure,
                404: on_unknown_path,
                405: on_wrong_method,
            },
        )
        app.router.redirect_slashes = False
        return [Mount("", app=app)]


def create(clock: Clock) -> AbyssaleSandbox:
    """A sandbox of its own, whose data lie before `clock.now()`."""
    return AbyssaleSandbox(clock)
