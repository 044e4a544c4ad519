"""What there is to do while it storms: images that others make, and paid requests of our own.

A seed decides what and when. Ids are chosen here, so that what is put in twice is there once.
"""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import requests

from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.support.vendors import PROVIDERS, wanted

IMAGES_A_MINUTE = 30
BATCHES = (1, 1, 2, 4, 12)  # images that come at once
REQUESTS_A_MINUTE = 2  # of each provider
REQUESTS_AT_LEAST = 2
FAILED_SHARE = 0.15
OLD_SHARE = 0.2  # of the first images: they belong to an earlier day, and are still open
SLOWEST_SECONDS = 40.0  # until an image is over
OLD_SECONDS = (60.0, 120.0)  # one of an earlier day is open at the sensor's first tick
FIRST_IMAGES = 20  # there when everything starts

Spec = dict[str, Any]


@dataclass
class Work:
    """What is still to be done, in the order of time; seconds since the start."""

    seed: int
    seconds: float
    url: str
    folder: Path  # of requests to be planned
    old_days: tuple[int, ...]  # how many days ago some images were made that are still open
    images: list[tuple[float, list[Spec]]] = field(default_factory=list)
    files: list[tuple[float, list[Spec]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)  # of all paid requests

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def plan(self, sandbox: Sandbox) -> None:
        """Decide all of it; `sandbox` says which designs there are."""
        chance = self._random
        self.images = [(0.0, list(self._first()))]
        self.images += [(at, [self._image() for _ in range(count)]) for at, count in self._times()]
        minutes = self.seconds / 60
        number = max(REQUESTS_AT_LEAST, round(REQUESTS_A_MINUTE * minutes))
        for n in range(number):
            lines = []
            for name, provider in PROVIDERS.items():
                request = wanted(sandbox, provider, f"soak-{self.seed}-{name}-{n}")
                self.keys.append(request.request_key)
                lines.append(
                    {
                        "provider": name,
                        "operation": request.operation,
                        "payload": request.payload,
                        "request_key": request.request_key,
                    }
                )
            self.files.append((chance.uniform(0, self.seconds * 0.8), lines))
        self.files.sort(key=lambda each: each[0])

    @property
    def number_of_images(self) -> int:
        """How many images others make in all."""
        return sum(len(batch) for _, batch in self.images)

    def do(self, elapsed: float) -> None:
        """What is due by now; what the sandbox cannot take in now is put in the next time."""
        while self.images and self.images[0][0] <= elapsed:
            try:
                url = f"{self.url}/imagine_api/_admin/images"
                requests.post(url, json=self.images[0][1], timeout=10).raise_for_status()
            except requests.RequestException:
                return
            self.images.pop(0)
        while self.files and self.files[0][0] <= elapsed:
            at, lines = self.files.pop(0)
            path = self.folder / f"requests-{at:08.3f}.jsonl"
            unfinished = path.with_suffix(".jsonl.part")
            unfinished.write_text("".join(json.dumps(line) + "\n" for line in lines))
            unfinished.rename(path)

    def _first(self) -> Iterator[Spec]:
        """Images of today, and some of earlier days: what was over there is for a backfill."""
        now = datetime.now(timezone.utc)
        for _ in range(FIRST_IMAGES):
            image = self._image()
            if self._random.random() < OLD_SHARE:
                days = timedelta(days=self._random.choice(self.old_days))
                seconds = self._random.uniform(*OLD_SECONDS)
                image |= {"date_created": iso(now - days), "seconds": seconds}
            yield image

    def _times(self) -> Iterator[tuple[float, int]]:
        at = 0.0
        while True:
            count = self._random.choice(BATCHES)
            at += self._random.uniform(0, 2) * count * 60 / IMAGES_A_MINUTE
            if at >= self.seconds:
                return
            yield at, count

    def _image(self) -> Spec:
        failed = self._random.random() < FAILED_SHARE
        id_ = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        return {
            "id": id_,
            "prompt": f"an image of the soak, {id_[:8]}",
            "seconds": self._random.uniform(1, SLOWEST_SECONDS),
            "outcome": "failed" if failed else "completed",
        }
