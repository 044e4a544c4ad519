"""ImagineAPI's read client: pages as large as the server gives them, refusals that name the field.

    images(limit) ─► INVALID_QUERY ─► QUERY_LIMIT_MAX is remembered ─► asked again with less
                 └─► FORBIDDEN ─► each needed field is asked for alone ─► Unreadable names those

Directus answers 403 for a field that the role may not read, and on 9.23.1 does not say which.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.shapes import Misshapen, Record, records

IMAGES = "items/images"
# without one of these an image cannot be counted, placed in its day, settled or archived
NEEDED = ("id", "date_created", "status", "prompt", "url", "upscaled_urls")
_LIMIT = re.compile(r'"limit" must be less than or equal to (\d+)')

T = TypeVar("T")


class InvalidQuery(WrongSetting):
    """The server does not take a query parameter's value, such as a limit above its maximum."""

    def __init__(self, message: str) -> None:
        super().__init__(f"ImagineAPI does not take the query: {message.rstrip('.')}.")
        found = _LIMIT.search(message)
        self.limit_max = int(found[1]) if found else None
        self.of_limit = "limit" in message


class Forbidden(WrongSetting):
    """The key may not read something that was asked for, or it is not there."""


class Unreadable(WrongSetting):
    """Fields of the images that the key's role may not read, and that cannot be done without."""

    def __init__(self, fields: Iterable[str]) -> None:
        names = list(fields)
        them = "it" if len(names) == 1 else "them"
        super().__init__(
            f"ImagineAPI: the token may not read {', '.join(names)}: add {them} to the role, in "
            "the read permission of the collection images on the server."
        )


def image_list(answer: Any) -> list[Record]:
    """A list of images: each has a field of one, and an id where the id was asked for."""
    listed = records(at="data")(answer)
    for image in listed:
        if not any(name in image for name in NEEDED):
            raise Misshapen("a list with something else than images in it")
        if "id" in image and not isinstance(image["id"], str | int):
            raise Misshapen("a list with an image that has no 'id'")
    return listed


@dataclass
class ImageClient(ReadClient):
    """A `ReadClient` of the collection `images`."""

    limit_max: int | None = None  # QUERY_LIMIT_MAX, once the server has refused a larger limit

    def images(self, **params: Any) -> list[Any]:
        """The answer to one list request; Unreadable names the needed fields that are refused."""
        try:
            return self.read(IMAGES, params, shape=image_list)
        except Forbidden:
            refused = self.unreadable(NEEDED)
            if not refused or len(refused) == len(NEEDED):  # nothing is readable: it is the key
                raise
            raise Unreadable(refused) from None

    def within_limit(self, limit: int, ask: Callable[[int], T]) -> T:
        """`ask` with `limit`, or with as much of it as the server gives in one answer.

        The largest limit is taken from the server's refusal, else halved until one is accepted.
        """
        while True:
            accepted = self.at_once(limit)
            try:
                return ask(accepted)
            except InvalidQuery as error:
                smaller = accepted // 2 if error.limit_max is None else error.limit_max
                if not (error.of_limit and 0 < smaller < accepted):
                    raise
                self.limit_max = smaller

    def at_once(self, limit: int) -> int:
        """How many of `limit` records the server is known to give in one answer."""
        return limit if self.limit_max is None else min(limit, self.limit_max)

    def unreadable(self, fields: Iterable[str]) -> list[str]:
        """Those of the fields that are refused: one request each, that reads no record."""
        return [name for name in fields if not self.may_read(name)]

    def may_read(self, fields: str) -> bool:
        """Whether the role may read all of these fields, a list with commas."""
        params: Mapping[str, Any] = {"fields": fields, "limit": 0}
        try:
            self.get_list(IMAGES, params, at="data")
        except Forbidden:
            return False
        return True
