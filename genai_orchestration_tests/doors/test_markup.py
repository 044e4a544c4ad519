"""Text of others comes out as text, wherever this project makes Markdown or HTML of it."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import dagster as dg
import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from genai_orchestration.doors.markup import as_text
from genai_orchestration.gallery import cards
from genai_orchestration.orchestration.checks import requests as request_checks
from genai_orchestration.orchestration.metadata import loads as load_metadata
from genai_orchestration.orchestration.metadata import requests as request_metadata
from genai_orchestration.submission.audit import Verdict
from genai_orchestration.submission.post import SubmissionResult

BEACON = "http://evil.example/beacon.png"
HOSTILE = (
    f"![x]({BEACON})",
    f"[click]({BEACON})",
    f"![x][1]\n\n[1]: {BEACON}",
    f'"><img src="{BEACON}">',
    f"<img src={BEACON}>",
    f"<{BEACON}>",
    f"` ![x]({BEACON}) `",
    f"](x) ![x]({BEACON} ",
    f"\\![x]({BEACON})",
    f"| a |\n|---|\n| ![x]({BEACON}) |",
    f"    ![x]({BEACON})",
    f"# {BEACON}",
    "&lt;b&gt; &amp; <b>",
    "*a* _b_ __c__ ~~d~~ 1. a - b",
    "1. a",
    "2) b",
    "- c",
)


class Tags(HTMLParser):
    """The tags and the text of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(source: str) -> Iterator[Tags]:
    """As Dagster's web UI renders Markdown (GitHub's), as marimo does, and as HTML."""
    yield Tags(MarkdownIt("gfm-like", {"linkify": False}).render(source))
    yield Tags(markdown.markdown(source, extensions=["extra", "sane_lists"]))
    yield Tags(source)


def is_text(words: str) -> None:
    line = " ".join(words.split())
    for before in ("", "before "):
        for shown in rendered(f"{before}{as_text(words)}"):
            assert [tag for tag, _ in shown.tags if tag != "p"] == []
            assert shown.text.strip() == f"{before}{line}".strip()
    quoted = Tags(f'<img alt="{as_text(words)}">')
    assert quoted.tags == [("img", {"alt": line})]


@pytest.mark.parametrize("words", HOSTILE)
def test_markup_comes_out_as_its_own_characters(words: str) -> None:
    is_text(words)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab1 _*`[]()!<>&\"'\\#|~-+.:/@=$^{}\n\t"), max_size=40))
def test_so_does_anything_else(words: str) -> None:
    is_text(words)


def test_a_sentence_stays_readable_where_nothing_renders_it() -> None:
    sentence = "3 of 1,000 images_create are open (for 0.5 h), since 10 minutes: it's well-known."
    assert as_text(sentence) == sentence


def sources(hostile: str) -> Iterator[tuple[str, str]]:
    """Everything that makes Markdown or HTML of others' text, with that text in all of it."""
    day = load_metadata.DayFacts(
        {"SUCCEEDED": 1}, ((BEACON, hostile), (f"{BEACON}{hostile}", "a fox"))
    )
    yield "pictures of a day", day.metadata()["newest"].value
    result = SubmissionResult(reasons={hostile: 2})
    yield "why requests wait", request_metadata.submission_metadata(result)["waiting because"].value
    key = dg.AssetKey("images")
    told = request_checks._result(key, "check", lambda _: Verdict(False, hostile))
    yield "a check's description", told.description or ""
    row: dict[str, Any] = dict.fromkeys(("picture", "prompt", "request_key", "job_id", "state"))
    row |= {"prompt": hostile, "job_id": hostile, "state": hostile, "error_text": hostile}
    file = dict.fromkeys(("archived_path", "role", "reason", "state", "width", "bytes"))
    file |= {"role": hostile, "reason": hostile, "archived_path": hostile}
    yield "a card", cards.card({**row, "picture": hostile})
    yield "details", cards.details({**row, hostile: hostile}, [file])


@pytest.mark.parametrize("hostile", HOSTILE)
def test_every_place_shows_it_as_text(hostile: str) -> None:
    for place, source in sources(hostile):
        for shown in rendered(source):
            asked = [a for tag, a in shown.tags if tag in ("img", "a", "script", "link", "b")]
            own = (
                {f"{BEACON}?width={load_metadata.PIXELS}"}
                if place == "pictures of a day"
                else set()
            )
            assert {a.get("src") for a in asked} <= own, (place, source)
