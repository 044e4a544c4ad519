"""A paid request as it is asked for, before anything is recorded or sent.

    provider + operation + payload ─► NewRequest ─► (plan) ─► (ledger) ─► (submit)

Its `request_key` names it: the same key is the same request, and is paid for once. Where
the caller gives none, it follows from the request itself, so that importing a file twice asks for
nothing new. Pure: what a provider takes is known by its `Operation`.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.work import Operation

KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
VALUES = ("null", "true", "false")  # words that ImagineAPI's filters read as values, not as text
MADE, DIGITS = "auto-", 40  # a made key: its beginning, and how many hexadecimal digits follow

Operations = Mapping[tuple[str, str], Operation]  # by provider and operation


@dataclass(frozen=True, kw_only=True)
class NewRequest:
    """One paid POST that somebody asks for."""

    provider: str
    operation: str
    payload: Mapping[str, Any]  # what the operation takes; plain JSON
    request_key: str
    campaign: str | None = None  # in its canonical form, whatever is given

    def __post_init__(self) -> None:
        """Write the campaign as caps, sums and filters know it."""
        object.__setattr__(self, "campaign", canonical_campaign(self.campaign))


def canonical_campaign(name: str | None) -> str | None:
    """The one form of a campaign's name: `winter` for Winter, WINTER and " winter "; None if empty.

    Unicode's caseless form, composed (NFC): a cap must hold however the name is written.
    """
    composed, before = (name or "").strip(), ""
    while composed != before:  # a few letters, such as the Greek iota below another, take two turns
        before = composed
        folded = unicodedata.normalize("NFD", composed).casefold()
        composed = unicodedata.normalize("NFC", folded).strip()
    return composed or None


def operations_of(providers: Iterable[Provider]) -> Operations:
    """Every paid operation of the providers."""
    return {
        (provider.name, operation.name): operation
        for provider in providers
        for operation in provider.operations
    }


def unknown_operation(provider: str, operation: str, operations: Operations) -> str:
    """The sentence for an operation that nobody has."""
    known = ", ".join(f"{owner} {name}" for owner, name in operations)
    return f"There is no paid operation {operation!r} of provider {provider!r}. There are: {known}."


def key_mistake(key: str) -> str | None:
    """Why a request cannot have that key; None when it can."""
    if not KEY.fullmatch(key):
        return (
            f"request_key {key[:80]!r} cannot be used: take 1 to 64 letters (a to z), digits, _ "
            "and -, which every provider's search finds again."
        )
    if _is_number(key) or key.lower() in VALUES:
        return (
            f"request_key {key!r} reads as a number or a value: spreadsheets rewrite those (0017 "
            f"becomes 17) and ImagineAPI cannot search for all of them; take a word, as in r-{key}."
        )
    return None


def made_key(provider: str, operation: str, payload: Mapping[str, Any]) -> str:
    """The key of a request that was given none: the same for the same request, on any machine."""
    return MADE + fingerprint(provider, operation, payload)[:DIGITS]


def fingerprint(provider: str, operation: str, payload: Mapping[str, Any]) -> str:
    """SHA-256 of what is asked of whom; the order of the payload's fields does not matter."""
    text = json.dumps([provider, operation, payload], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _is_number(key: str) -> bool:
    try:
        float(key)  # also 1e5 and -17, which a spreadsheet rewrites as well
    except ValueError:
        return False
    return True
