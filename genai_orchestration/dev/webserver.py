"""Dagster's web server behind the guard: `python -m genai_orchestration.dev.webserver`.

It takes the arguments of `dagster-webserver`. GraphQL is executed for POSTs of JSON alone: any
other page can send everything else.
"""

from typing import Any

from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from genai_orchestration import compat
from genai_orchestration.doors.guard import UNSUPPORTED, Guard, media_type
from genai_orchestration.settings import hosts

NOT_ALLOWED = 405


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """Dagster's web server, for this machine's own names and the proxy's, and its own pages."""

    def build_middleware(self) -> list[Middleware]:
        """The guard, before anything of Dagster's."""
        return [Middleware(Guard, hosts=hosts()), *super().build_middleware()]

    async def graphql_http_endpoint(self, request: Request) -> Response:
        """Execute a POST of JSON; GET shows the editor for queries, and executes nothing."""
        if request.method != "POST" and "query" in request.query_params:
            return PlainTextResponse(
                "Send GraphQL by POST with Content-Type: application/json.\n",
                NOT_ALLOWED,
                {"Allow": "POST"},
            )
        if request.method == "POST" and media_type(request.headers) != "application/json":
            return PlainTextResponse(
                "Send GraphQL with Content-Type: application/json.\n", UNSUPPORTED
            )
        answer: Response = await super().graphql_http_endpoint(request)
        return answer


if __name__ == "__main__":
    compat.run_webserver(GuardedWebserver)
