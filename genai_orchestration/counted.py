"""A number and what it counts, as a sentence says it: "1 request", "2 requests", "0.5 minutes"."""


def counted(number: float, noun: str) -> str:
    """The number with its noun, which is given in the singular."""
    shown = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{shown} {noun if number == 1 else f'{noun}s'}"


def are(number: int) -> str:
    """The verb of so many: "1 request is planned", "2 requests are planned"."""
    return "is" if number == 1 else "are"
