"""The GET endpoints of Abyssale's sandbox, and the pictures it serves."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from genai_orchestration.providers.abyssale.sandbox import listing, shapes
from genai_orchestration.providers.abyssale.sandbox.designs import Format, Workspace
from genai_orchestration.providers.abyssale.sandbox.gateway import ApiFailure, stamped
from genai_orchestration.providers.abyssale.sandbox.jobs import RenderQueue
from genai_orchestration.providers.abyssale.sandbox.requests import design_of, files_url, id_of
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.sandbox.png import picture

Json = dict[str, Any]


class Reads:
    """What can be read of a workspace and its studio."""

    def __init__(self, clock: Clock, workspace: Workspace, studio: RenderQueue) -> None:
        self._clock = clock
        self._workspace = workspace
        self._studio = studio
        self._secret: Json | None = None

    def routes(self) -> list[BaseRoute]:
        """One route for each endpoint."""
        return [
            Route("/designs", self._list_designs),
            Route("/designs/{id:uuid}", self._get_design),
            Route("/designs/{id:uuid}/formats/{specifier}", self._get_format),
            Route("/projects", self._list_projects),
            Route("/fonts", self._list_fonts),
            Route("/credits", self._get_credits),
            Route("/banners/{id:uuid}", self._get_banner),
            Route("/generation-request/{id:uuid}", self._get_generation),
            Route("/workspace-templates", self._list_templates),
            Route("/workspace-template-categories", self._list_template_categories),
            Route("/signing-secret", self._get_secret),
            Route("/ready", self._ready),
            Route("/_files/previews/{id:uuid}/{uid}.png", self._preview_file),
            Route("/_files/banners/{id:uuid}.png", self._banner_file),
        ]

    async def _list_designs(self, request: Request) -> Response:
        found = listing.designs(list(self._workspace.designs.values()), request.query_params)
        rows, headers = listing.page_of(found, request.query_params)
        files = files_url(request)
        return JSONResponse([shapes.listed(row, files) for row in rows], headers=headers)

    async def _get_design(self, request: Request) -> Response:
        design = design_of(request, self._workspace)
        advanced = request.query_params.get("i") == "advanced"
        return stamped(shapes.detail(design, files_url(request), advanced=advanced))

    async def _get_format(self, request: Request) -> Response:
        design = design_of(request, self._workspace)
        wanted = request.path_params["specifier"]
        for each in design.formats if design.type != shapes.MULTIPAGE else ():
            if wanted in (each.name, each.uid):
                return stamped(shapes.format_detail(design, each, files_url(request)))
        raise ApiFailure(404, "format_not_found", f"The design has no format {wanted!r}.")

    async def _list_projects(self, request: Request) -> Response:
        found = listing.projects(list(self._workspace.projects.values()), request.query_params)
        rows, headers = listing.page_of(found, request.query_params)
        shown = [{"id": row.id, "name": row.name, "created_at_ts": row.created_at} for row in rows]
        return JSONResponse(
            [{**row, "category_name": row["name"]} for row in shown], headers=headers
        )

    async def _list_fonts(self, request: Request) -> Response:
        found = listing.fonts(self._workspace.fonts, request.query_params)
        rows, headers = listing.page_of(found, request.query_params)
        return JSONResponse(rows, headers=headers)

    async def _get_credits(self, request: Request) -> Response:
        studio = self._studio
        generation = studio.generation_credits.block(studio.spent(self._clock.now()))
        return stamped({"generation_credits": generation, "ai_credits": studio.ai_credits.block()})

    async def _get_banner(self, request: Request) -> Response:
        banner = self._studio.banner(id_of(request), self._clock.now())
        return JSONResponse(banner.body(files_url(request)))

    async def _get_generation(self, request: Request) -> Response:
        now = self._clock.now()
        generation = self._studio.generation(id_of(request), now)
        status = 200 if generation.finalized(now) else 202
        return stamped(generation.body(now, files_url(request)), status=status)

    async def _list_templates(self, request: Request) -> Response:
        rows = listing.templates(self._workspace.templates, request.query_params)
        files = files_url(request)
        previews = [f"{files}/previews/{row['id']}/template.png" for row in rows]
        shown = zip(rows, previews, strict=True)
        return JSONResponse([{**row, "preview_url": preview} for row, preview in shown])

    async def _list_template_categories(self, request: Request) -> Response:
        return JSONResponse(self._workspace.template_categories)

    async def _get_secret(self, request: Request) -> Response:
        if self._secret is None:  # minted by the first call, as the vendor does
            self._secret = {
                "secret": f"whsec_{secrets.token_hex(16)}",
                "created_at_ts": int(self._clock.now().timestamp()),
                "rotated_at_ts": None,
                "previous_secret_expires_at_ts": None,
            }
        return stamped(self._secret)

    async def _ready(self, request: Request) -> Response:
        return stamped({"status": "ok"})

    def _preview_file(self, request: Request) -> Response:
        design = self._workspace.designs.get(id_of(request))
        text = f"{id_of(request)} {request.path_params['uid']}"
        formats = {each.uid: each for each in design.formats} if design else {}
        return _png(text, formats.get(request.path_params["uid"]))

    def _banner_file(self, request: Request) -> Response:
        banner = self._studio.banner(id_of(request), self._clock.now())
        return _png(banner.text, banner.format)


def _png(text: str, chosen: Format | None) -> Response:
    size = (chosen.width, chosen.height) if chosen else (256, 256)
    return Response(picture(text, *size), media_type="image/png")
