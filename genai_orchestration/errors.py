"""Errors whose text is written for the person who reads it: the thing, the cause, the next step."""

from collections.abc import Iterator


class PlainError(Exception):
    """An error to show as it is, without a stack trace."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what is behind it, outermost first."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        yield current
        seen.append(current)
        current = current.__cause__ or current.__context__


def plain(error: BaseException) -> PlainError | None:
    """The plain error behind `error`, however deep libraries wrapped it; None without one."""
    return next((cause for cause in causes(error) if isinstance(cause, PlainError)), None)
