"""What the sandbox's server knows: its images, its settings, and what a customer may see of them.

In: images put in by a test or posted by a customer. Out: rows, as of the clock's present. Only
what was posted and when is kept; everything else is computed when it is read.
"""

import dataclasses
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request

from genai_orchestration.providers.imagine_api.sandbox.filter import Rules
from genai_orchestration.providers.imagine_api.sandbox.http import forbidden
from genai_orchestration.providers.imagine_api.sandbox.images import (
    OWN_USER,
    Image,
    Picture,
    Spec,
    files,
    image_from,
    new_image,
)
from genai_orchestration.providers.imagine_api.sandbox.lifecycle import plan_for
from genai_orchestration.providers.imagine_api.sandbox.record import HIDDEN, READABLE, Row
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.sandbox.server import KEY


class ImageStore:
    """The server's images. Its attributes are its settings, and may be changed while it runs."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.keys = {KEY}
        self.account_id = OWN_USER  # the key's user: every other one's images are hidden from it
        self.images: dict[str, Image] = {}
        self.query_limit_max: int | None = None  # QUERY_LIMIT_MAX of Directus 10 and later
        self.has_ref = True  # False: the self-hosted release, which has no such column
        self.unreadable: set[str] = set()  # fields that the customer's role may not read
        self.counts = True  # False: a role that may neither ask for meta nor aggregate
        self.public_url: str | None = None  # PUBLIC_URL, pasted into asset URLs as it is
        self.bot_status = "healthy"
        self._pictures: dict[str, Picture] = {}
        self._undrawn: list[Image] = []  # images whose files are not in `_pictures` yet

    def add(self, specs: Iterable[Spec | Mapping[str, Any]]) -> list[str]:
        """Put images in, as `Spec` or as mappings of its fields; their ids, in that order."""
        now = self.clock.now()
        asked = (spec if isinstance(spec, Spec) else Spec(**spec) for spec in specs)
        return self._keep([image_from(spec, now=now, new_id=new_id) for spec in asked])

    def never_ending(self) -> list[str]:
        """Ids of the customer's images that never end."""
        return [
            image.id
            for image in self.images.values()
            if image.user == self.account_id and image.plan.outcome in ("stuck", "pending")
        ]

    def remove(self, id: str) -> None:
        """Take an image out, as an owner's DELETE would; its pictures stay."""
        del self.images[id]

    def post(self, id: str | None, prompt: str, ref: str | None) -> str:
        """A customer's new image, which the bot takes up at once; its id."""
        image = new_image(
            id=id or new_id(),
            prompt=prompt,
            ref=ref,
            user=self.account_id,
            created=self.clock.now(),
            plan=plan_for(prompt),
        )
        return self._keep([image])[0]

    def reword(self, id: str, prompt: str) -> None:
        """Change a prompt: useless, as the job was queued with the old one."""
        self.images[id] = dataclasses.replace(self.images[id], prompt=prompt)

    def own(self, id: str) -> Image:
        """The customer's image; 403 for one that is unknown or another's."""
        image = self.images.get(id)
        if image is None or image.user != self.account_id:
            raise forbidden()
        return image

    def rows(self, request: Request) -> list[Row]:
        """All records that the customer sees, in the order of their arrival."""
        now, assets = self.clock.now(), self._assets(request)
        images = list(self.images.values())  # at once: a test's thread may be adding some
        return [Row(image, now, assets) for image in images if image.user == self.account_id]

    def row(self, id: str, request: Request) -> Row:
        """One record; 403 when the customer has none of that id."""
        return Row(self.own(id), self.clock.now(), self._assets(request))

    def rules(self) -> Rules:
        """What Directus allows with the present settings."""
        hidden = self.unreadable if self.has_ref else self.unreadable | {"ref"}
        types = {name: kind for name, (kind, _) in READABLE.items() if name not in hidden}
        return Rules(
            types=types,
            sortable=frozenset({*types, *HIDDEN, *self.unreadable}),
            user=self.account_id,
            now=self.clock.now(),
            limit_max=self.query_limit_max,
            counts=self.counts,
        )

    def picture(self, file: str) -> Picture:
        """The file of that id; 403 for one that is unknown or not drawn yet."""
        while self._undrawn and file not in self._pictures:
            self._pictures.update((found.id, found) for found in files(self._undrawn.pop()))
        found = self._pictures.get(file)
        if found is None or not found.exists(self.clock.now()):
            raise forbidden()
        return found

    def _keep(self, images: list[Image]) -> list[str]:
        self.images.update((image.id, image) for image in images)
        self._undrawn.extend(images)
        return [image.id for image in images]

    def _assets(self, request: Request) -> str:
        if self.public_url is not None:
            return self.public_url
        return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def new_id() -> str:
    """An id as the server makes them: never the same in two runs."""
    return str(uuid.uuid4())
