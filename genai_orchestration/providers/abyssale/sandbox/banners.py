"""A rendered visual of Abyssale's sandbox: an order's format goes in, a `Banner` comes out."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genai_orchestration.providers.abyssale.sandbox.designs import Design, Format
from genai_orchestration.providers.abyssale.sandbox.orders import GenerationInput
from genai_orchestration.providers.abyssale.sandbox.shapes import MULTIPAGE

Json = dict[str, Any]
STUDIO = uuid.UUID("5f0c1f52-7a57-41f0-8de9-0242ac120002")  # the namespace of derived ids


@dataclass(frozen=True)
class Banner:
    """A rendered visual; the picture the sandbox draws of it follows from `text`."""

    id: str
    sharing_id: str
    version: int
    ready_at: datetime
    design: Json
    project: Json | None
    format: Format
    named: bool  # a multipage PDF has no format name
    type: str
    text: str

    def body(self, files: str) -> Json:
        """The banner as the API shows it; its `version` is a number, not the API's."""
        chosen: Json = {"unit": self.format.unit}
        chosen |= {"width": self.format.width, "height": self.format.height}
        return {
            "id": self.id,
            "version": self.version,
            "sharing_id": self.sharing_id,
            "file": self._file(f"{files}/banners/{self.id}.png"),
            "format": {"id": self.format.name, **chosen} if self.named else chosen,
            "template": self.design,
            **({"project": self.project} if self.project else {}),
        }

    def _file(self, url: str) -> Json:
        # every file is a PNG here, whatever type was asked for: the sandbox draws nothing else
        if self.type == "html5":
            name = f"{self.id}.zip"
            return {"type": "zip", "url": url, "filename": name, "fallback_image_url": url}
        name = f"{self.id}.{self.type}"
        return {"type": self.type, "url": url, "cdn_url": f"{url}?cdn=1", "filename": name}


def rendered(
    order: GenerationInput,
    chosen: Format,
    *,
    ready_at: datetime,
    id: str,
    earlier: Banner | None = None,
) -> Banner:
    """The banner of one format; with an `earlier` one it is the next version of that visual."""
    return Banner(
        id=id,
        sharing_id=earlier.sharing_id if earlier else str(uuid.uuid5(STUDIO, id)),
        version=earlier.version + 1 if earlier else 1,
        ready_at=ready_at,
        design=_design(order.design),
        project=_project(order.design),
        format=chosen,
        named=order.design.type != MULTIPAGE,
        type=order.file_type,
        text=f"{order.design.id} {chosen.uid} {order.texts()}",
    )


def _design(design: Design) -> Json:
    return {
        "id": design.id,
        "name": design.name,
        "created_at": design.created_at,
        "updated_at": design.updated_at,
    }


def _project(design: Design) -> Json | None:
    project = design.project
    if project is None:
        return None
    return {"id": project.id, "name": project.name, "created_at_ts": project.created_at}
