"""The endpoints of Magic Hour's sandbox: requests in, the vendor's JSON out."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from genai_orchestration.providers.magic_hour.sandbox import orders
from genai_orchestration.providers.magic_hour.sandbox.account import Account
from genai_orchestration.providers.magic_hour.sandbox.files import Signer, content
from genai_orchestration.providers.magic_hour.sandbox.jobs import Sign
from genai_orchestration.providers.magic_hour.sandbox.refusals import (
    NOT_FOUND,
    Refusal,
    optional,
    required,
)
from genai_orchestration.providers.magic_hour.sandbox.saved import account_body, saved_items
from genai_orchestration.providers.magic_hour.sandbox.uploads import Uploads
from genai_orchestration.sandbox.clock import Clock

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]
PROJECTS: tuple[orders.Kind, ...] = ("image", "video", "audio")
CREATES: dict[str, orders.Check] = {
    "ai-image-generator": orders.image_order,
    "ai-image-upscaler": orders.upscaler_order,
    "text-to-video": orders.video_order,
    "ai-voice-generator": orders.voice_order,
    "face-detection": orders.face_order,
}
DEPRECATED = {"image": "frame_cost", "video": "estimated_frame_cost"}  # twins of credits_charged


class Endpoints:
    """What can be asked of an account over HTTP."""

    def __init__(self, clock: Clock, account: Account) -> None:
        self._clock = clock
        self._account = account
        self._signer = Signer(clock)
        self.uploads = Uploads(self._signer, account)

    def routes(self) -> list[BaseRoute]:
        """One route for each endpoint."""
        return [
            Route("/v1/account", self._get_account),
            Route("/v1/saved-items", self._list_saved_items),
            Route("/v1/face-detection/{id}", self._getter("face")),
            *(Route(f"/v1/{kind}-projects/{{id}}", self._getter(kind)) for kind in PROJECTS),
            *(
                Route(f"/v1/{kind}-projects/{{id}}", self._deleter(kind), methods=["DELETE"])
                for kind in PROJECTS
            ),
            *(
                Route(f"/v1/{tool}", self._creator(check), methods=["POST"])
                for tool, check in CREATES.items()
            ),
            Route("/v1/files/upload-urls", self._create_upload_urls, methods=["POST"]),
            Route("/_uploads/{path:path}", self.uploads.put, methods=["PUT"]),
            Route("/_files/{path:path}", self._file),
            Route("/_admin/cancel/{id}", self._cancel, methods=["POST"]),
            Route("/_admin/withhold/{id}", self._withhold, methods=["POST"]),
        ]

    async def _get_account(self, request: Request) -> Response:
        account = self._account
        return JSONResponse(
            account_body(account.id, account.credits, account.tier, self._clock.now())
        )

    async def _list_saved_items(self, request: Request) -> Response:
        return JSONResponse(saved_items(request.query_params, self._sign(request)))

    def _getter(self, kind: orders.Kind) -> Endpoint:
        async def get(request: Request) -> Response:
            job = self._account.job(kind, request.path_params["id"])
            return JSONResponse(job.body(self._clock.now(), self._sign(request)))

        return get

    def _deleter(self, kind: orders.Kind) -> Endpoint:
        async def delete(request: Request) -> Response:
            self._account.delete(kind, request.path_params["id"])
            # without a content type the vendor's SDK crashes, even on an empty answer
            return Response(status_code=204, headers={"content-type": "application/json"})

        return delete

    def _creator(self, check: orders.Check) -> Endpoint:
        async def create(request: Request) -> Response:
            order = check(await _body(request), self._account.tier)
            job = self._account.submit(order)
            body: Json = {"id": job.id, "credits_charged": order.price}
            if order.kind in DEPRECATED:
                body[DEPRECATED[order.kind]] = order.price
            return JSONResponse(body)

        return create

    async def _create_upload_urls(self, request: Request) -> Response:
        body = await _body(request)
        return JSONResponse(self.uploads.urls(body, _base(request, "_uploads")))

    def _file(self, request: Request) -> Response:
        path = request.path_params["path"]
        if not self._signer.allowed(path, request.query_params):
            return Refusal(403, "Forbidden").answer()
        job = self._account.any_job(path.partition("/")[0])
        if job is None and not path.startswith("saved-items/"):
            return NOT_FOUND.answer()  # deleted in the meantime
        body, media_type = content(path, job)
        return Response(body, media_type=media_type)

    async def _cancel(self, request: Request) -> Response:
        job = self._account.cancel(request.path_params["id"])
        return JSONResponse({"id": job.id, "status": job.status(self._clock.now())})

    async def _withhold(self, request: Request) -> Response:
        body = await _body(request)
        seconds = required(body, "seconds", (int, float))
        shown = optional(body, "shown", int)
        job = self._account.withhold(request.path_params["id"], shown, seconds)
        return JSONResponse({"id": job.id, "shown": shown, "seconds": seconds})

    def _sign(self, request: Request) -> Sign:
        base = _base(request, "_files")
        return lambda path: self._signer.sign(base, path)


def _base(request: Request, folder: str) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}/{folder}"


async def _body(request: Request) -> Json:
    raw = await request.body()
    if not raw:
        raise Refusal(400, "Missing request body")
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refusal(400, "Invalid JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The request body must be an object")
    return body
