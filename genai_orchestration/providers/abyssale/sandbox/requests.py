"""What every endpoint of Abyssale's sandbox needs of a request: its design, its body, its base."""

import json
from typing import Any

from starlette.requests import Request

from genai_orchestration.providers.abyssale.sandbox.designs import Design, Workspace
from genai_orchestration.providers.abyssale.sandbox.gateway import ApiFailure, bad_field

Json = dict[str, Any]


def files_url(request: Request) -> str:
    """The URL under which this sandbox serves pictures, as the caller reaches it."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}/_files"


def id_of(request: Request) -> str:
    """The id in the path; the route has made sure that it is a UUID."""
    return str(request.path_params["id"])


def design_of(request: Request, workspace: Workspace) -> Design:
    """The design in the path; 404 when there is none, or none any more."""
    design = workspace.designs.get(id_of(request))
    if design is None:
        raise ApiFailure(404, "template_not_found", "The design does not exist.")
    return design


async def body_of(request: Request) -> Json:
    """The body as a JSON object; an empty body is an empty object."""
    raw = await request.body()
    if raw and not request.headers.get("content-type", "").startswith("application/json"):
        raise ApiFailure(415, "unsupported_media_type", "Send application/json.")
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise ApiFailure(400, "invalid_json", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ApiFailure(400, "invalid_payload", "The body must be an object.")
    return body


def name_in(body: Json, *, shortest: int) -> str:
    """The trimmed `name` of a body, `shortest` to 100 characters long."""
    if "name" not in body:
        raise bad_field("name", "missing_required", "is required")
    if not isinstance(body["name"], str):
        raise bad_field("name", "wrong_type", "must be a string")
    name = body["name"].strip()
    if not shortest <= len(name) <= 100:
        raise bad_field("name", "out_of_range", f"must have {shortest} to 100 characters")
    return name
