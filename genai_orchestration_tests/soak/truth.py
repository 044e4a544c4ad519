"""What the sandbox says at the end: images, jobs of paid requests, and the bytes of each file."""

import hashlib
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.support.vendors import PROVIDERS, accepted

FINAL = ("completed", "failed")
CEILING_SECONDS = 1.0
FileOf = tuple[str, str, str]  # provider, job, role

Json = dict[str, Any]


@dataclass
class Truth:
    """All that the product has to have; `files` are addresses, read when they are compared."""

    images: dict[str, Json]  # ImagineAPI's, by id
    jobs: dict[str, dict[str, list[str]]]  # by provider and request: the jobs that were accepted
    files: dict[FileOf, str] = field(default_factory=dict)

    @property
    def open(self) -> int:
        """Images that are not over yet."""
        return sum(image["status"] not in FINAL for image in self.images.values())

    def ids(self, provider: str) -> set[str]:
        """The jobs that have to be in `generations`."""
        if provider == "imagine_api":
            return set(self.images)
        return {job for jobs in self.jobs[provider].values() for job in jobs}


class Reader:
    """Asks the sandbox as its customer does; what never changes is asked for once."""

    def __init__(self, url: str, kept: Path) -> None:
        self.url, self.kept = url, kept
        self._over: dict[tuple[str, str], Json] = {}
        self._hashes: dict[FileOf, str] = {}

    def read(self, keys: list[str]) -> Truth:
        """What is true now."""
        listed = self._get("imagine_api", "/items/images?limit=-1", Authorization=f"Bearer {KEY}")
        state = Sandbox(kept=self.kept)
        jobs = {
            name: accepted(state, provider, [key for key in keys if f"-{name}-" in key])
            for name, provider in PROVIDERS.items()
        }
        truth = Truth({each["id"]: each for each in listed["data"]}, jobs)
        truth.files = {**_image_files(truth), **self._downloads(truth), **self._banners(truth)}
        return truth

    def sha256(self, of: FileOf, url: str) -> str:
        """The checksum of a file as it is served."""
        if of not in self._hashes:
            answer = requests.get(url, timeout=30)
            answer.raise_for_status()
            self._hashes[of] = hashlib.sha256(answer.content).hexdigest()
        return self._hashes[of]

    def _downloads(self, truth: Truth) -> dict[FileOf, str]:
        return {
            ("magic_hour", job, f"output_{number}"): download["url"]
            for job in truth.ids("magic_hour")
            for number, download in enumerate(self._project(job)["downloads"], start=1)
        }

    def _banners(self, truth: Truth) -> dict[FileOf, str]:
        return {
            ("abyssale", job, f"banner_{number}"): banner["file"]["url"]
            for job in truth.ids("abyssale")
            for number, banner in enumerate(self._generation(job)["banners"], start=1)
        }

    def _project(self, job: str) -> Json:
        path = f"/v1/image-projects/{job}"
        return self._once("magic_hour", path, "downloads", Authorization=f"Bearer {KEY}")

    def _generation(self, job: str) -> Json:
        path = f"/generation-request/{job}"
        return self._once("abyssale", path, "banners", **{"x-api-key": KEY})

    def _once(self, provider: str, path: str, done: str, **headers: str) -> Json:
        """The answer, kept as soon as it has what is there at the end only."""
        known = self._over.get((provider, path))
        answer = known or self._get(provider, path, **headers)
        if answer[done]:
            self._over[provider, path] = answer
        return answer

    def _get(self, provider: str, path: str, **headers: str) -> Json:
        while True:
            answer = requests.get(f"{self.url}/{provider}{path}", headers=headers, timeout=30)
            if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                break
            time.sleep(CEILING_SECONDS)  # Abyssale takes ten requests in a second
        answer.raise_for_status()
        body: Json = answer.json()
        return body


def _image_files(truth: Truth) -> dict[FileOf, str]:
    found: dict[FileOf, str] = {}
    for id_, image in truth.images.items():
        if image["status"] == "completed":
            found["imagine_api", id_, "grid"] = image["url"]
            for number, url in enumerate(image["upscaled_urls"], start=1):
                found["imagine_api", id_, f"quadrant_{number}"] = url
    return found
