"""What `POST /items/images` accepts: a JSON body in, checked new images out.

body ─► hook: unknown keys? 500 ─► Directus: prompt, ref ─► database: NUL? 500, id taken? 400
"""

import uuid
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from genai_orchestration.providers.imagine_api.sandbox.http import (
    DirectusError,
    forbidden,
    server_fault,
)
from genai_orchestration.providers.imagine_api.sandbox.record import READABLE

REF_LENGTH = 255  # varchar(255)
SERVER_SETS = READABLE.keys() - {"id", "prompt", "ref"}  # a client's values for these are ignored


class NewImage(NamedTuple):
    """One image as a customer asked for it."""

    id: str | None
    prompt: str
    ref: str | None


def checked(body: object, *, has_ref: bool, taken: Container[str]) -> list[NewImage]:
    """All new images of a body, an object or an array; one bad one refuses them all."""
    bodies = body if isinstance(body, list) else [body]
    images = [_checked(one, has_ref) for one in bodies]
    ids = [image.id for image in images if image.id is not None]
    for number, id in enumerate(ids):
        if id in taken or id in ids[:number]:
            raise _not_unique(id)
    return images


def _checked(body: object, has_ref: bool) -> NewImage:
    if not isinstance(body, dict):  # a member of an array
        body = {}
    known = {"id", "prompt", *SERVER_SETS} | ({"ref"} if has_ref else set())
    if not body.keys() <= known:
        raise server_fault()
    return NewImage(_id(body.get("id")), check_prompt(body), _ref(body.get("ref")))


def check_prompt(body: Mapping[str, Any]) -> str:
    """The prompt of a body; an empty one is fine, none is 400, one with a NUL is 500."""
    prompt = body.get("prompt")
    if prompt is None:
        kind = "nnull" if "prompt" in body else "required"
        said = "contains an invalid value" if "prompt" in body else "is required"
        message = f'"prompt" {said}'
        raise DirectusError(400, "FAILED_VALIDATION", message, field="prompt", type=kind)
    if not isinstance(prompt, str) or "\0" in prompt:
        raise server_fault()
    return prompt


def _ref(ref: object) -> str | None:
    if ref is None:
        return None
    if isinstance(ref, (bool, list, dict)):
        raise server_fault()
    if len(str(ref)) > REF_LENGTH:
        extensions = {"collection": "images", "field": None}
        raise DirectusError(400, "VALUE_TOO_LONG", "Value is too long.", **extensions)
    return str(ref)  # a number comes back as text


def _id(id: object) -> str | None:
    """The client's own id; PostgreSQL throws on one that is no uuid."""
    if id is None:
        return None
    try:
        uuid.UUID(str(id))
    except ValueError as error:
        raise server_fault() from error
    return str(id)


def checked_key(key: object) -> str:
    """An id in a SEARCH's `keys`: one that is no uuid is 403."""
    try:
        return str(uuid.UUID(str(key)))
    except ValueError as error:
        raise forbidden() from error


def _not_unique(id: str) -> DirectusError:
    extensions = {"collection": "images", "field": "id", "invalid": id}
    return DirectusError(400, "RECORD_NOT_UNIQUE", 'Field "id" has to be unique.', **extensions)
