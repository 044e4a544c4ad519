"""In Midjourney's place: brings images forward by Directus' API, as ImagineAPI's bot does.

pending ─► in-progress, a partial picture ─► completed, grid and quadrants
                                         └► failed, for a prompt with the word "blood"
"""

from dataclasses import dataclass
from typing import Any

from conformance.admin import Admin
from genai_orchestration.sandbox.png import picture

QUADRANTS = 4
PIXELS = 32
BANNED_WORD = "blood"
WAITING = ("pending", "queued")
OPEN = "filter[status][_in]=pending,queued,in-progress&limit=-1&sort=date_created,id"

Record = dict[str, Any]


@dataclass(frozen=True)
class Bot:
    """Acts as the server's administrator, on one customer's images."""

    admin: Admin
    user: str

    def advance(self) -> int:
        """Take every open image one step further; how many there were."""
        own = f"filter[user_created][_eq]={self.user}"
        images = self.admin.ask("GET", f"/items/images?{OPEN}&{own}")
        changes = [self._next(image) for image in images]
        if changes:
            self.admin.ask("PATCH", "/items/images", json=changes)
        return len(images)

    def _next(self, image: Record) -> Record:
        if image["status"] in WAITING:
            file = self.upload(image["id"], "partial")
            return {
                "id": image["id"],
                "status": "in-progress",
                "progress": 31,
                "results": file,
                "url": self.address(file, "webp"),
            }
        if BANNED_WORD in image["prompt"]:
            return {"id": image["id"], "status": "failed", "error": "Midjourney message: banned"}
        return {
            "id": image["id"],
            "status": "completed",
            "progress": None,
            **self.pictures(image["id"]),
        }

    def pictures(self, image: str) -> Record:
        """The fields of a finished image's grid and quadrants, which are stored now."""
        grid = self.upload(image, "grid")
        quadrants = [self.upload(image, f"quadrant {number}") for number in range(QUADRANTS)]
        return {
            "results": grid,
            "url": self.address(grid, "png"),
            "upscaled": quadrants,
            "upscaled_urls": [self.address(quadrant, "png") for quadrant in quadrants],
        }

    def upload(self, image: str, name: str) -> str:
        """Store one of the image's pictures as its customer's; the file's id."""
        file = self.admin.upload(picture(f"{name} of {image}", PIXELS, PIXELS))
        self.admin.ask("PATCH", f"/files/{file}", json={"uploaded_by": self.user})
        return file

    def address(self, file: str, extension: str) -> str:
        """As ImagineAPI writes it: PUBLIC_URL, the id, and the id again as a name."""
        return f"{self.admin.url}/assets/{file}/{file}.{extension}"
