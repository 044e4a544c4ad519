"""The life of Magic Hour's jobs: a `Job` and a moment go in, its status and its JSON come out.

    queued ── 1 s ──► rendering ── seconds ──► complete     (downloads appear)
                         │                └──► error        (forbidden or nsfw; refunded)
                         └─ admin ───────────► canceled

A complete job can be set to show some of its downloads, or null, for a time (`Withheld`).

A job is never stepped forward: what it is now follows from when it was created.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from genai_orchestration.providers.magic_hour.sandbox.orders import GenerationInput
from genai_orchestration.providers.magic_hour.sandbox.prices import (
    ESTIMATED_FPS,
    REAL_FPS,
    video_price,
)

Json = dict[str, Any]
Sign = Callable[[str], Json]  # path of a file -> {"url", "expires_at"}
QUEUED = timedelta(seconds=1)
REFUSALS = {  # by a word that makes the prompt fail which holds it
    "forbidden": {
        "code": "content_policy_violation",
        "message": "The prompt was rejected by the content policy.",
    },
    "nsfw": {  # in no list of the vendor's
        "code": "nsfw_content_detected",
        "message": "The result was flagged.",
    },
}


@dataclass(frozen=True)
class Withheld:
    """Downloads that a complete job does not show yet."""

    shown: int | None  # how many it does show; None: the key is there, and null
    until: datetime


@dataclass(kw_only=True)
class Job:
    """An order that was accepted."""

    id: str
    order: GenerationInput
    created_at: datetime
    canceled_at: datetime | None = None
    withheld: Withheld | None = None

    def status(self, now: datetime) -> str:
        """The vendor's word for what this job is at `now`."""
        if self.canceled_at is not None and self.canceled_at <= now:
            return "canceled"
        age = now - self.created_at
        if age < QUEUED:
            return "queued"
        if age < timedelta(seconds=self.order.seconds):
            return "rendering"
        return "error" if self._refusal else "complete"

    @property
    def _refusal(self) -> Json | None:
        """What its error will say; None when it will succeed."""
        prompt = self.order.prompt.casefold()
        return next((said for word, said in REFUSALS.items() if word in prompt), None)

    def over(self, now: datetime) -> bool:
        """Whether this is its end."""
        return self.status(now) not in ("queued", "rendering")

    def credits(self, now: datetime) -> int:
        """What the job costs as known at `now`: nothing after an error, a video's real length."""
        status = self.status(now)
        if status == "error":
            return 0
        if self.order.kind == "video" and status == "complete":
            return video_price(self.order.length, REAL_FPS)
        return self.order.price

    def paths(self, now: datetime) -> list[str]:
        """The paths of its files; none before it is complete."""
        if self.status(now) != "complete":
            return []
        return [
            f"{self.id}/output-{number}.{self.order.extension}"
            for number in range(self.order.files)
        ]

    def body(self, now: datetime, sign: Sign) -> Json:
        """The job as `GET` shows it, with every deprecated key: the vendor's SDK asks for them."""
        if self.order.kind == "face":
            return self._faces(now, sign)
        error = self._refusal if self.status(now) == "error" else None
        downloads = self._downloads(now, sign)
        base = {
            "id": self.id,
            "name": self.order.name,
            "status": self.status(now),
            "type": self.order.type,
            "created_at": iso(self.created_at),
            "enabled": True,
            "credits_charged": self.credits(now),
            "downloads": downloads,
            "error": error,
        }
        return {**base, **self._extras(now, downloads)}

    def _downloads(self, now: datetime, sign: Sign) -> list[Json] | None:
        shown = [sign(path) for path in self.paths(now)]
        if self.withheld is None or now >= self.withheld.until:
            return shown
        return None if self.withheld.shown is None else shown[: self.withheld.shown]

    def _extras(self, now: datetime, downloads: list[Json] | None) -> Json:
        if self.order.kind == "audio":
            return {}
        cost = {"total_frame_cost": self.credits(now)}
        if self.order.kind == "image":
            return {**cost, "image_count": self.order.files}
        complete = self.status(now) == "complete"
        return {
            **cost,
            "width": self.order.size[0],
            "height": self.order.size[1],
            "fps": REAL_FPS if complete else ESTIMATED_FPS,
            "start_seconds": 0,
            "end_seconds": self.order.length,
            "download": downloads[0] if downloads else None,
        }

    def _faces(self, now: datetime, sign: Sign) -> Json:
        faces = [
            {"path": f"api-assets/faces/{path}", "url": sign(path)["url"]}
            for path in self.paths(now)
        ]
        return {
            "id": self.id,
            "status": self.status(now),
            "credits_charged": self.credits(now),
            "faces": faces,
        }


def iso(moment: datetime) -> str:
    """A moment as the vendor writes it: UTC, milliseconds, a Z."""
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
