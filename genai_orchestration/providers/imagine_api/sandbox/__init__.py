"""ImagineAPI's side of the sandbox: Directus 9.23.1 with its hook, as one customer meets it.

    /items/images    create (200), read, list, SEARCH, change a prompt, delete      needs the key
    /items/status    the bot's state, an object                                     needs the key
    /users/me        the id of the key's user, the only field that its role may read  needs the key
    /assets/{id}     the pictures                                                   public
    /_admin/images   put images in, take one out: not part of the vendor's API      public

In: the sandbox's clock. Out: routes relative to the mount. Whatever no route knows is 404
ROUTE_NOT_FOUND, as are `PUT` and `//items/images`. Left out: files' metadata, changes of many
records at once, byte ranges, webhooks, picture formats other than PNG.
"""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from genai_orchestration.providers.imagine_api.sandbox.create import (
    check_prompt,
    checked,
    checked_key,
)
from genai_orchestration.providers.imagine_api.sandbox.dataset import dataset
from genai_orchestration.providers.imagine_api.sandbox.directus import (
    from_url,
    listing,
    readable,
    select,
)
from genai_orchestration.providers.imagine_api.sandbox.filter import from_json
from genai_orchestration.providers.imagine_api.sandbox.http import (
    DirectusError,
    Endpoint,
    answer,
    endpoint,
    forbidden,
    has_token,
    invalid_payload,
    json_body,
    require_token,
    server_fault,
)
from genai_orchestration.providers.imagine_api.sandbox.record import Row
from genai_orchestration.providers.imagine_api.sandbox.store import ImageStore
from genai_orchestration.sandbox.clock import Clock

KEPT_FOR = timedelta(days=1)  # younger images cannot be deleted: they may still be queued
ALLOWED = "POST,SEARCH,GET,HEAD,PATCH,DELETE"
LARGEST_SIDE = 6000  # ASSETS_TRANSFORM_IMAGE_MAX_DIMENSION
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "SEARCH", "OPTIONS"]


def create(clock: Clock) -> "ImagineApiSandbox":
    """The sandbox with its month of images, relative to the clock's present."""
    sandbox = ImagineApiSandbox(clock)
    sandbox.add(dataset(clock.now()))
    return sandbox


class ImagineApiSandbox(ImageStore):
    """One ImagineAPI server: the store, and the routes that show it."""

    def routes(self) -> list[BaseRoute]:
        """Routes relative to `/imagine_api`; the last one answers for all that is not there."""
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "/items/images", self._list),
            ("SEARCH", "/items/images", self._search),
            ("POST", "/items/images", self._create),
            ("OPTIONS", "/items/images", _options),
            ("GET", "/items/images/{id}", self._read),
            ("PATCH", "/items/images/{id}", self._change),
            ("DELETE", "/items/images/{id}", self._delete),
            ("OPTIONS", "/items/images/{id}", _options),
            ("GET", "/items/status", self._status),
            ("GET", "/items/{collection}", self._unknown_collection),
            ("GET", "/assets/{id}", self._asset),
            ("GET", "/assets/{id}/{name}", self._asset),
            ("GET", "/users/me", self._user),
            ("GET", "/server/ping", _ping),
            ("POST", "/_admin/images", self._admin_add),
            ("DELETE", "/_admin/images/{id}", self._admin_remove),
        ]
        routes = [
            Route(path + slash, endpoint(handle), methods=[method])
            for method, path, handle in table
            for slash in ("", "/")
        ]
        return [*routes, Route("/{path:path}", endpoint(self._no_route), methods=METHODS)]

    async def _list(self, request: Request) -> Response:
        require_token(request, self.keys)
        parameters = from_url(request.query_params.multi_items())
        return answer(request, listing(self.rows(request), parameters, self.rules()))

    async def _search(self, request: Request) -> Response:
        body = await _object(request)
        require_token(request, self.keys)
        rows = self.rows(request)
        if "keys" in body:
            keys = set(map(checked_key, body["keys"]))
            rows = [row for row in rows if row.image.id in keys]
        query = from_json(body.get("query", {}), "query")
        rules = dataclasses.replace(self.rules(), validates=False)
        return answer(request, listing(rows, query, rules))

    async def _create(self, request: Request) -> Response:
        body = await json_body(request)
        require_token(request, self.keys)
        asked = checked(body, has_ref=self.has_ref, taken=self.images)
        ids = [self.post(*image) for image in asked]
        records = [self._record(id, request) for id in sorted(ids)]
        return answer(request, {"data": records if isinstance(body, list) else records[0]})

    async def _read(self, request: Request) -> Response:
        require_token(request, self.keys)
        return answer(request, {"data": self._record(request.path_params["id"], request)})

    async def _change(self, request: Request) -> Response:
        body = await _object(request)
        require_token(request, self.keys)
        id = self.own(request.path_params["id"]).id
        if not body.keys() <= {"prompt"}:
            raise forbidden()
        if body:
            self.reword(id, check_prompt(body))
        return answer(request, {"data": self._record(id, request)})

    async def _delete(self, request: Request) -> Response:
        require_token(request, self.keys)
        image = self.own(request.path_params["id"])
        if self.clock.now() - image.created <= KEPT_FOR:
            raise forbidden()
        self.remove(image.id)
        return Response(status_code=204)

    async def _user(self, request: Request) -> Response:
        require_token(request, self.keys)
        return answer(request, {"data": {"id": self.account_id}})

    async def _status(self, request: Request) -> Response:
        require_token(request, self.keys)
        row = {
            "bot_status": self.bot_status,
            "date_created": "2023-04-05T15:47:43.573Z",
            "date_updated": "2023-04-26T05:33:17.683Z",
            "id": 1,
            "message": None,
            "user_created": None,
            "user_updated": None,
        }
        return answer(request, {"data": row})

    async def _asset(self, request: Request) -> Response:
        scope = "private" if has_token(request, self.keys) else "public"
        picture = self.picture(request.path_params["id"])
        png = picture.bytes(_side(request, "width"), _side(request, "height"))
        headers = {"Cache-Control": f"{scope}, max-age=2592000", "Accept-Ranges": "bytes"}
        if "download" in request.query_params:
            name = request.path_params.get("name", f"{picture.id}.png")
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(png, media_type="image/png", headers=headers)

    async def _admin_add(self, request: Request) -> Response:
        try:
            return JSONResponse(self.add(await request.json()))
        except (TypeError, ValueError) as error:
            raise invalid_payload(str(error)) from error

    async def _admin_remove(self, request: Request) -> Response:
        if request.path_params["id"] not in self.images:
            raise forbidden()
        self.remove(request.path_params["id"])
        return Response(status_code=204)

    async def _unknown_collection(self, request: Request) -> Response:
        has_token(request, self.keys)
        raise forbidden()

    async def _no_route(self, request: Request) -> Response:
        has_token(request, self.keys)
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        raise DirectusError(404, "ROUTE_NOT_FOUND", f"Route {path} doesn't exist.")

    def _record(self, id: str, request: Request) -> dict[str, Any]:
        row: Row = self.row(id, request)
        parameters = from_url(request.query_params.multi_items())
        return select(row, readable(parameters.get("fields"), self.rules()))


async def _object(request: Request) -> Mapping[str, Any]:
    body = await json_body(request)
    if not isinstance(body, dict):
        raise invalid_payload("Payload has to be an object.")
    return body


def _side(request: Request, name: str) -> int | None:
    value = request.query_params.get(name)
    if value is None:
        return None
    if not value.isdecimal() or int(value) == 0:
        raise server_fault()
    if int(value) > LARGEST_SIDE:
        raise DirectusError(
            400, "ILLEGAL_ASSET_TRANSFORMATION", f'"{name}" is larger than {LARGEST_SIDE}.'
        )
    return int(value)


async def _options(request: Request) -> Response:
    return PlainTextResponse(ALLOWED, headers={"Allow": ALLOWED})


async def _ping(request: Request) -> Response:
    return Response("pong", media_type="text/html")
