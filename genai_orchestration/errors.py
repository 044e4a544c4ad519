"""Errors whose text is written for the person who reads it: the thing, the cause, the next step."""


class PlainError(Exception):
    """An error to show as it is, without a stack trace."""


def plain(error: BaseException) -> PlainError | None:
    """The plain error behind `error`, however deep libraries wrapped it; None without one."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        if isinstance(current, PlainError):
            return current
        seen.append(current)
        current = current.__cause__ or current.__context__
    return None
