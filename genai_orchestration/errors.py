"""Errors whose text is written for the person who reads it: the thing, the cause, the next step.

And how a sentence says a number, "1 request", "2 requests", "0.5 minutes", and names some of many.
"""

from collections.abc import Iterator, Sequence


class UserError(Exception):
    """An error to show as it is, without a stack trace."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first.

    Only `raise ... from ...` names a cause, or the `inner_exc` of a wrapper of dlt's. What an error
    struck in the middle of (`__context__`) is none: a bug in the handler of a foreseen error is a
    bug, and keeps its traceback.
    """
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        yield current
        seen.append(current)
        current = current.__cause__ or getattr(current, "inner_exc", None)


def plain(error: BaseException) -> UserError | None:
    """The plain error behind `error`, however deep libraries wrapped it; None without one."""
    return next((cause for cause in causes(error) if isinstance(cause, UserError)), None)


def counted(number: float, noun: str) -> str:
    """The number with its noun, which is given in the singular."""
    shown = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{shown} {noun if number == 1 else f'{noun}s'}"


def some_of(names: Sequence[str], most: int, *, of: int | None = None) -> str:
    """The first names, and how many more there are: "a, b and 3 more". `of` is their number."""
    more = (len(names) if of is None else of) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def are(number: int) -> str:
    """The verb of so many: "1 request is planned", "2 requests are planned"."""
    return "is" if number == 1 else "are"
