"""Numbers and what they count: one request, two requests."""

import pytest

from genai_orchestration.errors import are, counted


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "request", "0 requests"),
        (1, "planned request", "1 planned request"),
        (10_000, "row", "10,000 rows"),
        (1.0, "minute", "1 minute"),
        (0.5, "minute", "0.5 minutes"),
    ],
)
def test_a_number_is_followed_by_the_right_form(number: float, noun: str, words: str) -> None:
    assert counted(number, noun) == words


def test_a_verb_agrees_with_its_number() -> None:
    assert [are(number) for number in (0, 1, 2)] == ["are", "is", "are"]
