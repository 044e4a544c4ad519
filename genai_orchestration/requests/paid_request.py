"""A request as the ledger takes it: with its kind of job and price; and how two of them differ."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from genai_orchestration.errors import UserError
from genai_orchestration.providers.work import Operation, Row
from genai_orchestration.requests.request import NewRequest, key_mistake

DIFFERENCES_SHOWN = 5  # differences that a sentence lists
WIDTH = 60  # characters of a value in it


class WrongRequest(UserError):
    """A request that cannot be recorded, whatever its provider would say."""


class KeyConflict(UserError):
    """A key of another request already."""


@dataclass(frozen=True, kw_only=True)
class PaidRequest(NewRequest):
    """A request with what its operation says of it: the ledger's way in."""

    job_kind: str  # what it makes at the provider
    price_estimate: int | None = None  # credits; None where nobody publishes the price

    def __post_init__(self) -> None:
        super().__post_init__()
        mistake = key_mistake(self.request_key)
        if mistake:
            raise WrongRequest(f"A {mistake}")
        if self.price_estimate is not None and self.price_estimate < 0:
            raise WrongRequest(
                f"The request {self.request_key} has a price of {self.price_estimate} credits, "
                "which is below zero: correct its operation's estimate."
            )
        canonical(self.payload, self.request_key)

    @classmethod
    def of(cls, request: NewRequest, operation: Operation, row: Row | None = None) -> "PaidRequest":
        """The request, with the operation's kind of job and price; WrongRequest.

        `row` is what the warehouse has of what the payload names; see `Operation.known`.
        """
        return cls(
            provider=request.provider,
            operation=request.operation,
            payload=request.payload,
            request_key=request.request_key,
            campaign=request.campaign,
            job_kind=operation.job_kind,
            price_estimate=operation.price(request.payload, row),
        )

    @property
    def payload_hash(self) -> str:
        """SHA-256 of the canonical JSON, as hexadecimal digits."""
        return hashlib.sha256(canonical(self.payload, self.request_key).encode()).hexdigest()


def canonical(value: object, key: str = "") -> str:
    """JSON that is the same for equal values; WrongRequest when JSON cannot say it."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongRequest(
            f"The payload of request {key} is not JSON: {error}. Give text, numbers, true, false, "
            "null, lists and objects only."
        ) from None


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs, by dotted path: `prompt: "a fox" before, "a dog" now`."""
    old, new = dict(_leaves(before, "")), dict(_leaves(now, ""))
    paths = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    words = [
        f"{path}: {_clip(old.get(path, 'nothing'))} before, {_clip(new.get(path, 'nothing'))} now"
        for path in paths
    ]
    more = [f"and {len(words) - DIFFERENCES_SHOWN} more"] if len(words) > DIFFERENCES_SHOWN else []
    return "; ".join(words[:DIFFERENCES_SHOWN] + more)


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Each value below, as JSON; an empty list or object is a value."""
    match value:
        case Mapping() if value:
            for name, inner in value.items():
                yield from _leaves(inner, f"{path}.{name}" if path else str(name))
        case list() | tuple() if value:
            for number, inner in enumerate(value):
                yield from _leaves(inner, f"{path}[{number}]")
        case _:
            # as it came, for a person to read; equal values are written the same
            text = json.dumps(value, sort_keys=True, ensure_ascii=False)
            yield path, text.encode("utf-8", "backslashreplace").decode()


def _clip(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def shown(text: str) -> str:
    """A text that may be anything, in a sentence."""
    return _clip(json.dumps(text))
