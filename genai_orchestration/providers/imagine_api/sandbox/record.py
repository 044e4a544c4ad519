"""The record of an image, as a customer reads it.

In: a stored image, the time, and what asset URLs begin with. Out: its fields by name, each worked
out only when it is read, so that counting ten thousand images builds no URL.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from genai_orchestration.providers.imagine_api.sandbox.images import QUADRANTS, Image, file_id
from genai_orchestration.providers.imagine_api.sandbox.lifecycle import State
from genai_orchestration.providers.imagine_api.sandbox.time import iso


class Row:
    """An image as its record, read by field name; what nobody reads is never worked out."""

    def __init__(self, image: Image, now: datetime, assets: str) -> None:
        self.image = image
        self.now = now
        self.assets = assets  # what asset URLs begin with
        self._state: State | None = None

    def __getitem__(self, field: str) -> object:
        return READERS[field](self)

    @property
    def state(self) -> State:
        """The image's state at the time of the request, worked out once."""
        if self._state is None:
            self._state = self.image.state(self.now)
        return self._state

    @property
    def file(self) -> str | None:
        """The id of the file behind `url`: the partial picture, or the grid."""
        if self.state.partial is not None:
            return file_id(self.image.id, f"partial-{self.state.partial}")
        return file_id(self.image.id, "grid") if self.state.pictures else None

    @property
    def quadrants(self) -> list[str]:
        """The ids of the quadrants, in the order of the picture."""
        numbers = range(QUADRANTS) if self.state.pictures else ()
        return [file_id(self.image.id, f"quadrant-{number}") for number in numbers]

    def url(self) -> str | None:
        """The URL of `file`, a webp while it is partial."""
        if self.file is None:
            return None
        return self._asset(self.file, "png" if self.state.partial is None else "webp")

    def upscaled_urls(self) -> list[str] | None:
        """The quadrants' URLs in the order of the picture."""
        return [self._asset(quadrant, "png") for quadrant in self.quadrants] or None

    def date_updated(self) -> str | None:
        """When it changed last: hidden from customers, who may yet sort by it."""
        if self.state.changed is None:
            return None
        return iso(self.image.created + timedelta(seconds=self.state.changed))

    def _asset(self, file: str, extension: str) -> str:
        return f"{self.assets}/assets/{file}/{file}.{extension}"


# in the order of a real record's keys
READABLE: dict[str, tuple[str, Callable[[Row], object]]] = {
    "id": ("uuid", lambda row: row.image.id),
    "prompt": ("text", lambda row: row.image.prompt),
    "results": ("uuid", lambda row: row.file),
    "user_created": ("uuid", lambda row: row.image.user),
    "date_created": ("timestamp", lambda row: row.image.date_created),
    "status": ("string", lambda row: row.state.status),
    "progress": ("integer", lambda row: row.state.progress),
    "url": ("string", Row.url),
    "error": (
        "text",
        lambda row: row.image.plan.error if row.state.status == "failed" else None,
    ),
    "upscaled_urls": ("json", Row.upscaled_urls),
    "ref": ("string", lambda row: row.image.ref),
    "upscaled": ("alias", lambda row: sorted(row.quadrants)),
}
HIDDEN: dict[str, Callable[[Row], object]] = {
    "date_updated": Row.date_updated,
    "user_updated": lambda row: None,
    "internal_id": lambda row: None,
}
READERS = {**{name: read for name, (_, read) in READABLE.items()}, **HIDDEN}
