"""Rules for a paid request's payload: a payload goes in, its mistakes come out as sentences.

    Fields({"image_count": Whole(1, 16), ...}).mistakes("", payload)
        ├─► a field that nobody knows     "promt is not known: did you mean prompt? ..."
        ├─► a required one that is absent "image_count is missing: it must be a whole number ..."
        └─► a value that does not fit     "image_count is 17, but must be a whole number ..."

Pure: nothing here asks a vendor, and no payload, however odd, makes a rule raise. What a single
provider allows is written beside that provider.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from genai_orchestration.providers.wording import inside, listed, quote_value, unknown

T = TypeVar("T")


class Rule(Protocol):
    """What one field may hold."""

    @property
    def expected(self) -> str:
        """What is allowed, to follow "must be"."""

    @property
    def required(self) -> bool:
        """Whether the field has to be there."""

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """What is wrong with the value of `field` (its dotted path)."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text: any, or one of the `allowed` words; `filled` text is more than white space."""

    allowed: tuple[str, ...] = ()
    filled: bool = False
    required: bool = False

    @property
    def expected(self) -> str:
        """What is allowed."""
        return f"one of {listed(self.allowed)}" if self.allowed else "text"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """Of another type, no allowed word, blank, or not to be written as UTF-8."""
        if not isinstance(value, str) or (self.allowed and value not in self.allowed):
            yield f"{field} is {quote_value(value)}, but must be {self.expected}."
        elif self.filled and not value.strip():
            yield f"{field} is {quote_value(value)}: a blank text would be paid for all the same."
        elif any("\ud800" <= character <= "\udfff" for character in value):
            yield f"{field} is {quote_value(value)}, which has half a character (a lone surrogate)."


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number: from `low` to `high`, `whole` or not, or one of the `allowed` ones."""

    low: int = 0
    high: int = 0
    whole: bool = True
    allowed: tuple[int, ...] = ()
    required: bool = False

    @property
    def expected(self) -> str:
        """What is allowed."""
        if self.allowed:
            return listed(self.allowed)
        return f"a {'whole ' if self.whole else ''}number from {self.low} to {self.high}"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """Of another type (true is no number), or out of range."""
        if not self._fits(value):
            yield f"{field} is {quote_value(value)}, but must be {self.expected}."

    def _fits(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return value in self.allowed if self.allowed else self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Flag:
    """True or false."""

    required: bool = False
    expected: str = "true or false"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """Anything else."""
        if not isinstance(value, bool):
            yield f"{field} is {quote_value(value)}, but must be {self.expected}."


@dataclass(frozen=True)
class Anything:
    """Whatever is there: the vendor does not say, or it depends on what we cannot see."""

    required: bool = False
    expected: str = "anything"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """None."""
        yield from ()


@dataclass(frozen=True)
class ListOf:
    """A list whose items keep to one rule, none of them twice."""

    rule: Rule
    required: bool = False

    @property
    def expected(self) -> str:
        """What is allowed."""
        return "a list"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """No list, a bad item, or the same item again."""
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            yield f"{field} is {quote_value(value)}, but must be {self.expected}."
            return
        for number, item in enumerate(value):
            yield from self.rule.mistakes(f"{field}[{number}]", item)
            if item in value[:number]:
                yield f"{field} has {quote_value(item)} twice: leave one out."


@dataclass(frozen=True)
class Keyed:
    """An object with the user's own words as keys, whose values keep to one rule."""

    rule: Rule
    required: bool = False
    expected: str = "an object"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """No object, or a bad value."""
        if not isinstance(value, Mapping):
            yield f"{field} is {quote_value(value)}, but must be {self.expected}."
            return
        for key, inner in value.items():
            yield from self.rule.mistakes(inside(field, key), inner)


@dataclass(frozen=True)
class Fields:
    """An object with known fields: each keeps to its rule, and there are no others."""

    fields: Mapping[str, Rule]
    required: bool = False

    @property
    def expected(self) -> str:
        """What is allowed."""
        return f"an object with {listed(self.fields)}"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """Unknown fields, missing ones, and bad values, in this order."""
        if not isinstance(value, Mapping):
            yield f"{field or 'The payload'} is {quote_value(value)}, but must be {self.expected}."
            return
        yield from (unknown(field, key, self.fields) for key in value if key not in self.fields)
        for key, rule in self.fields.items():
            if key in value:
                yield from rule.mistakes(inside(field, key), value[key])
            elif rule.required:
                yield f"{inside(field, key)} is missing: it must be {rule.expected}."


def value_at(payload: Mapping[str, Any], path: str, kind: type[T]) -> T | None:
    """The value at a dotted path; None when it is not there, or of another type."""
    value: Any = payload
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    # a JSON true is no number, though Python says that a bool is an int
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    return value if fits else None


def object_at(payload: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The object at a dotted path; an empty one when it is not there, or no object."""
    return value_at(payload, path, dict) or {}
