"""The POST, PUT and DELETE endpoints of Abyssale's sandbox, and its back door `/_admin`."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from genai_orchestration.providers.abyssale.sandbox.designs import Design, Project, Workspace
from genai_orchestration.providers.abyssale.sandbox.gateway import ApiFailure, stamped
from genai_orchestration.providers.abyssale.sandbox.jobs import RenderQueue
from genai_orchestration.providers.abyssale.sandbox.orders import (
    GenerationInput,
    image_order,
    media_order,
    pages_order,
)
from genai_orchestration.providers.abyssale.sandbox.requests import (
    body_of,
    design_of,
    files_url,
    name_in,
)
from genai_orchestration.sandbox.clock import Clock

Json = dict[str, Any]
DESIGN = "/designs/{id:uuid}"
BUILDER = "/banner-builder/{id:uuid}"


class Writes:
    """What can be changed in a workspace, and what its studio can be asked to render."""

    def __init__(self, clock: Clock, workspace: Workspace, studio: RenderQueue) -> None:
        self._clock = clock
        self._workspace = workspace
        self._studio = studio

    def routes(self) -> list[BaseRoute]:
        """One route for each endpoint."""
        start, post = "/async" + BUILDER, ["POST"]
        return [
            Route("/auth", self._verify_key, methods=post),
            Route("/projects", self._create_project, methods=post),
            Route(DESIGN, self._delete_design, methods=["DELETE"]),
            Route(DESIGN + "/name", self._rename_design, methods=["PUT"]),
            Route(DESIGN + "/project", self._move_design, methods=["PUT"]),
            Route(BUILDER + "/generate", self._generate, methods=post),
            Route(start + "/generate", self._starter(media_order), methods=post),
            Route(start + "/generate-multipage-pdf", self._starter(pages_order), methods=post),
            Route("/_admin" + DESIGN + "/touch", self._touch_design, methods=post),
            Route("/_admin" + DESIGN, self._delete_design, methods=["DELETE"]),
        ]

    def touch(self, design: Design, *, name: str | None = None) -> None:
        """Change a design as a person in the web app does."""
        design.name = name or design.name
        design.updated_at = self._seconds()

    async def _verify_key(self, request: Request) -> Response:
        return stamped({"company": self._workspace.company})

    async def _create_project(self, request: Request) -> Response:
        name = name_in(await body_of(request), shortest=2)
        if any(project.name == name for project in self._workspace.projects.values()):
            raise ApiFailure(400, "project_already_exists", f"There is a project {name!r} already.")
        project = Project(str(uuid.uuid4()), name, self._seconds())
        self._workspace.projects[project.id] = project
        body = {"id": project.id, "name": project.name, "created_at_ts": project.created_at}
        return stamped(body)

    async def _rename_design(self, request: Request) -> Response:
        design = design_of(request, self._workspace)
        self.touch(design, name=name_in(await body_of(request), shortest=1))
        return _named(design)

    async def _move_design(self, request: Request) -> Response:
        design = design_of(request, self._workspace)
        project = self._workspace.projects.get(str((await body_of(request)).get("project_id")))
        if project is None:
            raise ApiFailure(404, "project_not_found", "project_id is not a project.")
        design.project = project
        self.touch(design)
        return _named(design)

    async def _touch_design(self, request: Request) -> Response:
        design = design_of(request, self._workspace)
        self.touch(design, name=(await body_of(request)).get("name"))
        return _named(design)

    async def _delete_design(self, request: Request) -> Response:
        design = design_of(request, self._workspace)
        del self._workspace.designs[design.id]
        return _named(design)

    async def _generate(self, request: Request) -> Response:
        design = design_of(request, self._workspace)
        order = image_order(design, await body_of(request))
        banner = self._studio.render(order, self._clock.now())
        return JSONResponse(banner.body(files_url(request)))

    def _starter(
        self, ordered: Callable[[Design, Json], GenerationInput]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def start(request: Request) -> Response:
            design = design_of(request, self._workspace)
            order = ordered(design, await body_of(request))
            generation = self._studio.start(order, self._clock.now())
            return stamped({"generation_request_id": generation.id})

        return start

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())


def _named(design: Design) -> Response:
    return stamped({"id": design.id, "name": design.name})
