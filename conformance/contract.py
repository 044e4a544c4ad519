"""A real Directus as a server of the contract suite."""

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.bot import QUADRANTS, Bot
from conformance.directus import DATABASES, Customer, Directus, running
from genai_orchestration_tests.providers.imagine_api.contract.client import Client
from genai_orchestration_tests.providers.imagine_api.contract.server import Image

TOGETHER = 500  # images in one request


@dataclass(frozen=True)
class RealServer:
    """Directus, and another customer on it."""

    directus: Directus
    other: Customer

    @classmethod
    @contextlib.contextmanager
    def running(cls, chosen: str) -> Iterator["RealServer"]:
        """The server that `chosen` names, like "9.23.1 sqlite"."""
        version, name = chosen.split()
        [database] = [known for known in DATABASES if known == name]
        with running(version, database) as directus:
            yield cls(directus, directus.customer())

    @property
    def major(self) -> int:
        """9 or 11."""
        return self.directus.major

    @property
    def caps_limits(self) -> bool:
        """Version 9 has no such setting."""
        return self.major > 9

    @property
    def database(self) -> str:
        """sqlite or postgres."""
        return self.directus.database

    def customer(self, images: Sequence[Image] = ()) -> Client:
        """A new customer with these images."""
        customer = self.directus.customer()
        for start in range(0, len(images), TOGETHER):
            self._put(customer, images[start : start + TOGETHER])
        return Client(customer.url, customer.token)

    @contextlib.contextmanager
    def configured(self, customer: Client, **settings: str) -> Iterator[Client]:
        """The same customer on a second server, on the same database."""
        with self.directus.configured(**settings) as other:
            yield Client(other.url, customer.token)

    def bot(self, customer: Client) -> Bot:
        """Midjourney, for this customer's images."""
        user = customer.rows("limit=1&fields=user_created")[0]["user_created"]
        return Bot(self.directus.admin, user)

    def stranger(self, customer: Client) -> str:
        """The token of the other customer."""
        return self.other.token

    def _put(self, customer: Customer, images: Sequence[Image]) -> None:
        admin = self.directus.admin
        named = [(str(uuid.uuid4()), image) for image in images]
        bodies = [{"id": id, "prompt": image.prompt, "ref": image.ref} for id, image in named]
        admin.post("/items/images", bodies)
        changes = [{"id": id, **self._fields(id, customer, image)} for id, image in named]
        admin.ask("PATCH", "/items/images", json=changes)

    def _fields(self, id: str, customer: Customer, image: Image) -> dict[str, Any]:
        """What the server and ImagineAPI's bot would have written into it."""
        owner = self.other.id if image.foreign else customer.id
        started = image.progress is not None and not image.overtaken
        partial = {"url": f"{self.directus.url}/assets/{id}/{id}.webp"} if started else {}
        return {
            "user_created": owner,
            "status": image.status,
            "progress": image.progress,
            "error": "Unspecified error" if image.status == "failed" else None,
            **({"date_created": image.date_created} if image.date_created else {}),
            **(self._pictures(id, owner, image) or partial),
        }

    def _pictures(self, id: str, owner: str, image: Image) -> dict[str, Any]:
        if image.status != "completed" and not image.overtaken:
            return {}
        bot = Bot(self.directus.admin, owner)
        if image.stored:
            return bot.pictures(id)
        files = [str(uuid.uuid4()) for _ in range(QUADRANTS)]
        urls = [bot.address(file, "png") for file in files]
        return {"url": urls[0], "upscaled_urls": urls}
