"""What `POST /items/images` accepts: a JSON body in, checked new images out.

body ─► hook: unknown keys? 500 ─► Directus: prompt, ref ─► database: NUL? 500, id taken? 400
"""

import uuid
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from genai_orchestration.providers.imagine_api.sandbox.http import (
    DirectusError,
    invalid_payload,
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
    if not isinstance(body, dict):
        raise invalid_payload("Payload has to be an object or an array of objects.")
    known = {"id", "prompt", *SERVER_SETS} | ({"ref"} if has_ref else set())
    if not body.keys() <= known:
        raise server_fault()
    return NewImage(_id(body.get("id")), check_prompt(body), _ref(body.get("ref")))


def check_prompt(body: Mapping[str, Any]) -> str:
    """The prompt of a body; an empty one is fine, none is 400, one with a NUL is 500."""
    prompt = body.get("prompt")
    if prompt is None:
        kind = "nnull" if "prompt" in body else "required"
        message = 'Validation failed for field "prompt". Value is required.'
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
        message = 'Value for field "ref" in collection "images" is too long.'
        raise DirectusError(400, "VALUE_TOO_LONG", message, collection="images", field="ref")
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


def _not_unique(id: str) -> DirectusError:
    extensions = {"collection": "images", "field": "id", "invalid": id}
    return DirectusError(400, "RECORD_NOT_UNIQUE", 'Field "id" has to be unique.', **extensions)
