"""The life of Abyssale's generations: an `Order` goes in, banners and errors come out in time.

    order ──► Generation: running ── 4 s ──► finalized (banners, errors) ── 7 days ──► gone
                                                │
                                                └► banners stay; each one cost a credit

What a generation is at some moment follows from its beginning and that moment alone, and so do
the credits: nothing here is ever stepped forward.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from genai_orchestration.providers.abyssale.sandbox.banners import STUDIO, Banner, rendered
from genai_orchestration.providers.abyssale.sandbox.designs import Design, Format
from genai_orchestration.providers.abyssale.sandbox.gateway import ApiFailure
from genai_orchestration.providers.abyssale.sandbox.orders import GenerationInput
from genai_orchestration.providers.abyssale.sandbox.shapes import MULTIPAGE

Json = dict[str, Any]
RENDERING = timedelta(seconds=4)  # a few polls long, short enough to watch
KEPT = timedelta(days=7)  # the vendor forgets a generation request then; banners stay


@dataclass
class Credits:
    """A pool of credits in the current billing period; `limit` None is an unlimited plan."""

    limit: int | None
    consumed: int
    extra: int = 0

    def block(self, spent: int = 0) -> Json:
        """The pool as `GET /credits` shows it, after `spent` more credits."""
        consumed = self.consumed + spent
        left = None if self.limit is None else max(self.limit - consumed, 0)
        over = 0 if self.limit is None else max(consumed - self.limit, 0)
        extra = max(self.extra - over, 0)
        return {"available": left, "limit": self.limit, "consumed": consumed, "extra": extra}

    def covers(self, spent: int, cost: int) -> bool:
        """Whether the pool still has `cost` credits after `spent` more."""
        return self.limit is None or self.consumed + spent + cost <= self.limit + self.extra


@dataclass(frozen=True)
class Generation:
    """An asynchronous generation request, with the outcome it will have."""

    id: str
    created_at: datetime
    banners: tuple[Banner, ...]
    errors: tuple[Json, ...]

    def finalized(self, now: datetime) -> bool:
        """Whether the outcome is there."""
        return now >= self.created_at + RENDERING

    def gone(self, now: datetime) -> bool:
        """Whether the vendor has forgotten this request."""
        return now >= self.created_at + KEPT

    def body(self, now: datetime, files: str) -> Json:
        """The request as polling shows it: no banner before all is done."""
        if not self.finalized(now):
            return {"id": self.id, "is_finalized": False, "banners": []}
        banners = [banner.body(files) for banner in self.banners]
        errors = {"errors": list(self.errors)} if self.errors else {}
        return {"id": self.id, "is_finalized": True, "banners": banners, **errors}


@dataclass
class RenderQueue:
    """Renders orders, keeps what was rendered, and counts what it cost."""

    generation_credits: Credits = field(default_factory=lambda: Credits(10_000, 3_800))
    ai_credits: Credits = field(default_factory=lambda: Credits(None, 58))
    banners: dict[str, Banner] = field(default_factory=dict)
    generations: dict[str, Generation] = field(default_factory=dict)
    at_once: int = 0  # credits spent by the synchronous endpoint

    def spent(self, now: datetime) -> int:
        """Credits spent since the start: one for every format that was rendered."""
        done = (each for each in self.generations.values() if each.finalized(now))
        return self.at_once + sum(len(each.banners) for each in done)

    def banner(self, id: str, now: datetime) -> Banner:
        """The banner of that id; 404 before it is rendered."""
        banner = self.banners.get(id)
        if banner is None or banner.ready_at > now:
            raise ApiFailure(404, "visual_not_found", "The visual does not exist.")
        return banner

    def generation(self, id: str, now: datetime) -> Generation:
        """The generation request of that id; 404 unknown, 410 forgotten."""
        generation = self.generations.get(id)
        if generation is None:
            raise ApiFailure(404, "generation_request_not_found", "No such generation request.")
        if generation.gone(now):
            message = "Generation requests are kept for 7 days."
            raise ApiFailure(410, "generation_request_gone", message)
        return generation

    def render(self, order: GenerationInput, now: datetime) -> Banner:
        """One banner at once, or `cannot_build_banner`."""
        self._admit(order)
        chosen = order.formats[0]
        misfit = order.misfit(chosen)
        if misfit:
            raise ApiFailure(400, "cannot_build_banner", misfit)
        banner = self._banner(order, chosen, now)
        self.at_once += 1
        self.banners[banner.id] = banner
        return banner

    def start(self, order: GenerationInput, now: datetime) -> Generation:
        """A generation that began now."""
        self._admit(order)
        misfits = {chosen: order.misfit(chosen) for chosen in order.formats}
        generation = Generation(
            id=str(uuid.uuid4()),
            created_at=now,
            banners=tuple(
                self._banner(order, chosen, now + RENDERING)
                for chosen, reason in misfits.items()
                if not reason
            ),
            errors=tuple(_error(order, chosen, why) for chosen, why in misfits.items() if why),
        )
        self.generations[generation.id] = generation
        self.banners.update({banner.id: banner for banner in generation.banners})
        return generation

    def stock(self, designs: Iterable[Design], now: datetime) -> list[str]:
        """Banners that were rendered long ago, one of each design; gives their ids."""
        for design in designs:
            order = GenerationInput(design, design.formats[:1], ({},), "png")
            id = str(uuid.uuid5(STUDIO, design.id))
            made = rendered(order, design.formats[0], ready_at=now, id=id)
            self.banners[made.id] = made
        return list(self.banners)

    def _admit(self, order: GenerationInput) -> None:
        if not order.design.in_plan:
            message = f"Your plan does not include {order.design.type} designs."
            raise ApiFailure(429, "feature_not_in_plan", message)
        promised = self.at_once + sum(len(each.banners) for each in self.generations.values())
        if not self.generation_credits.covers(promised, len(order.formats)):
            raise ApiFailure(
                429, "rate_limit_exceeded", "Your plan has no generation credits left."
            )
        if order.original is not None and order.original not in self.banners:
            raise ApiFailure(404, "visual_not_found", "original_visual_id is not a known visual.")

    def _banner(self, order: GenerationInput, chosen: Format, ready_at: datetime) -> Banner:
        earlier = self.banners.get(order.original or "")
        id = str(uuid.uuid4())
        return rendered(order, chosen, ready_at=ready_at, id=id, earlier=earlier)


def _error(order: GenerationInput, chosen: Format, reason: str) -> Json:
    named = {} if order.design.type == MULTIPAGE else {"template_format_name": chosen.name}
    return {**named, "reason": reason}
