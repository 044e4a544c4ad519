"""Words for fields and values in a sentence about a payload: short, and as JSON writes them."""

import difflib
from collections.abc import Iterable, Mapping

LONGEST_VALUE = 60  # characters of a value that are quoted in a sentence


def inside(field: str, key: object) -> str:
    """The dotted path of a key inside a field; the payload itself is ""."""
    return f"{field}.{key}" if field else str(key)


def unknown(field: str, key: object, known: Iterable[str]) -> str:
    """The sentence for a key that is not one of the known ones."""
    names = list(known)
    near = difflib.get_close_matches(str(key), names, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return f"{inside(field, key)} is not known: {guess}Known: {listed(names) or 'none'}."


def quote_value(value: object) -> str:
    """A value as a sentence quotes it: short, and in JSON's words."""
    match value:
        case None | True | False:
            return str({None: "null", True: "true", False: "false"}[value])
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            text = repr(value)
            return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def listed(values: Iterable[object]) -> str:
    """Values as a sentence lists them: "1, 2 or 4"."""
    words = [str(value) for value in values]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
