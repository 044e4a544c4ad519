"""Numbers and what they count: one request, two requests."""

import re
from pathlib import Path

import pytest

import genai_orchestration
from genai_orchestration.counted import are, counted

NOUNS = "request|file|image|row|day|credit|job|minute|design|picture|time|banner|hour|key"
# a number's place in a text, and a noun that may be wrong after it: `{number} requests`
PLURAL = re.compile(rf"\{{[^{{}}]*\}} (?:\w+ )?(?:{NOUNS})s\b")
# numbers that are constants above 1, or of which 1 is said elsewhere
CONSTANT = re.compile(r"\{[\w.]*[A-Z]{3}|\{owner|\{kind|seconds // 60|hours // 24|\{hint")


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


def test_no_sentence_puts_a_plural_after_any_number() -> None:
    package = Path(genai_orchestration.__file__).parent
    found = [
        f"{file.relative_to(package)}:{number} {line.strip()}"
        for file in package.rglob("*.py")
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if PLURAL.search(line) and not CONSTANT.search(line)
    ]
    assert found == []
