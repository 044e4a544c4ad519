"""HTTP as Directus 9.23.1 speaks it: who may ask, and the forms of bodies, answers and errors.

    request ─► too long? 431 ─► endpoint ─► answer(): JSON with a weak ETag, or 304
                                   └─ DirectusError ─► {"errors": [{message, extensions: {code}}]}

Knows nothing of images.
"""

import functools
import hashlib
from collections.abc import Awaitable, Callable, Collection

import orjson
from starlette.requests import Request
from starlette.responses import Response

HEADER_LIMIT = 16 * 1024  # node's limit for the request line and all headers together
BODY_LIMIT = 1024 * 1024  # Directus' MAX_PAYLOAD_SIZE, "1mb"

Endpoint = Callable[[Request], Awaitable[Response]]


class DirectusError(Exception):
    """A refusal, with its HTTP status and what goes into Directus' envelope."""

    def __init__(self, status: int, code: str, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.status = status
        self.envelope = {
            "errors": [{"message": message, "extensions": {"code": code, **extensions}}]
        }


def forbidden() -> DirectusError:
    """403: not permitted, and also whatever does not exist."""
    return DirectusError(403, "FORBIDDEN", "You don't have permission to access this.")


def invalid_query(message: str) -> DirectusError:
    """400: a query parameter that Directus understands enough to refuse."""
    return DirectusError(400, "INVALID_QUERY", message)


def invalid_payload(message: str) -> DirectusError:
    """400: a body that is no JSON, or too much of it."""
    return DirectusError(400, "INVALID_PAYLOAD", message)


def server_fault() -> DirectusError:
    """500: what Directus says whenever the database or the hook throws."""
    return DirectusError(500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred.")


def endpoint(handle: Endpoint) -> Endpoint:
    """The handler with the length check before it and the error envelope behind it."""

    @functools.wraps(handle)
    async def handled(request: Request) -> Response:
        if _size(request) > HEADER_LIMIT:
            return Response(status_code=431, headers={"Connection": "close"})
        try:
            return await handle(request)
        except DirectusError as error:
            return as_json(error.envelope, status=error.status)

    return handled


def _size(request: Request) -> int:
    url = len(request.scope["raw_path"]) + len(request.scope["query_string"])
    line = len(f"{request.method} ? HTTP/1.1\r\n")
    return url + line + sum(len(name) + len(value) + 4 for name, value in request.headers.raw)


def has_token(request: Request, keys: Collection[str]) -> bool:
    """Whether the request carries one of the keys; a wrong key is refused with 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return False
    if token not in keys:
        raise DirectusError(401, "INVALID_CREDENTIALS", "Invalid user credentials.")
    return True


def require_token(request: Request, keys: Collection[str]) -> None:
    """Refuse whoever has no token: Directus says 403, not 401."""
    if not has_token(request, keys):
        raise forbidden()


async def json_body(request: Request) -> object:
    """The body's object or array; an empty object when the Content-Type is not JSON."""
    if "json" not in request.headers.get("Content-Type", ""):
        return {}
    body = await request.body()
    if len(body) > BODY_LIMIT:
        raise invalid_payload("request entity too large")
    try:
        found = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise invalid_payload(str(error)) from error
    if not isinstance(found, dict | list):
        raise invalid_payload(f"Unexpected token '{body[:1].decode()}', \"#\" is not valid JSON")
    return found


def answer(request: Request, payload: object) -> Response:
    """200 with a weak ETag, or an empty 304 when a reader already has this very answer."""
    response = as_json(payload)
    etag = f'W/"{len(response.body):x}-{hashlib.sha256(response.body).hexdigest()[:27]}"'
    if request.method in ("GET", "HEAD") and request.headers.get("If-None-Match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return response


def as_json(payload: object, *, status: int = 200) -> Response:
    """A JSON response, without an ETag."""
    return Response(orjson.dumps(payload), status, media_type="application/json; charset=utf-8")
