"""What of a vendor's answer may be kept: no API key, and no address with what signs or opens it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 100  # levels of a value; what is below is no answer of an API, and no ledger takes it
# slashes may be escaped, in JSON that was never parsed
_SIGNED = re.compile(r"""(https?:(?:\\?/){2}[^\s?#;"'<>]*)[?#;][^\s"'<>]*""", re.IGNORECASE)


def redact(
    value: Any, hide: Callable[[str], str] = lambda text: text, *, depth: int = DEEPEST
) -> Any:
    """The value with every address in it cut where a signature may begin, and texts hidden."""
    match value:
        case str():
            return _SIGNED.sub(r"\1", hide(value))
        case Mapping() | list() | tuple() if depth == 0:
            return "…"
        case Mapping():
            return {
                redact(name, hide): redact(inner, hide, depth=depth - 1)
                for name, inner in value.items()
            }
        case list() | tuple():
            return [redact(inner, hide, depth=depth - 1) for inner in value]
    return value
