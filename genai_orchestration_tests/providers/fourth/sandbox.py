"""The minimal provider's sandbox: one list."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from genai_orchestration.sandbox.clock import Clock


class FourthSandbox:
    """One route, and no state."""

    def routes(self) -> list[BaseRoute]:
        """Routes relative to `/fourth`."""
        return [Route("/pictures", self.pictures)]

    async def pictures(self, request: Request) -> JSONResponse:
        """The one picture that there is."""
        return JSONResponse([{"id": "p1", "title": "the first"}])


def create(clock: Clock) -> FourthSandbox:
    """A new sandbox; nothing in it changes with time."""
    return FourthSandbox()
