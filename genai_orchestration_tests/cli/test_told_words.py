"""What the commands print of texts that others wrote, and of times."""

from datetime import timedelta

import pytest

from genai_orchestration.cli.requests.output import ago, plain, redact, strip_query

SIGNED = [
    "https://a.example/p.png?X-Amz-Signature=abc&X-Amz-Expires=60",
    "https://a.example/p.png?se=2026-01-01&sp=r&sv=2020",
    "https://a.example/p.png?w=100&opaque=0123456789abcdef0123456789",
    "https://a.example/p.png?Token=x",
    "https://user:password@a.example/p.png?key=x",
]


@pytest.mark.parametrize("address", SIGNED)
def test_a_query_that_may_open_an_address_is_left_out(address: str) -> None:
    assert strip_query(f"see {address} now") == "see https://a.example/p.png?… now"
    assert redact({"a": [address]}) == {"a": ["https://a.example/p.png?…"]}


@pytest.mark.parametrize(
    "text", ["https://a.example/p.png?w=100&h=20", "who? me", "a=b?sig=c", "http://a.example/p.png"]
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert strip_query(text) == text
    assert redact({"a": text, "b": 1, "c": None}) == {"a": text, "b": 1, "c": None}


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert plain("red\x1b[31m\r\nfox\x07") == "red [31m  fox "
    assert plain({"a": "\x1b"}) == '{"a": "\\u001b"}'


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (7500, "2 h 5 min"), (3e5, "3 days")],
)
def test_a_time_is_told_as_people_say_it(seconds: float, words: str) -> None:
    assert ago(timedelta(seconds=seconds)) == words
