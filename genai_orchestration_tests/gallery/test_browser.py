"""The gallery as a person sees it: `genai gallery`, looked at with Chromium."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from genai_orchestration.settings import Settings
from genai_orchestration_tests.browser import chromium
from genai_orchestration_tests.command import served
from genai_orchestration_tests.gallery.collection import fill


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """The address of a gallery that is served; Ctrl-C ends it, whoever still has it open."""
    fill(settings)
    with served("gallery", "--port", "0") as url:
        yield url


def test_a_person_looks_for_a_prompt_and_sees_its_pictures(
    address: str, settings: Settings
) -> None:
    with chromium() as page:
        foreign: list[str] = []
        page.on("request", lambda it: foreign.append(it.url) if address not in it.url else None)
        page.goto(address)
        cards = page.locator(".genai-card:visible")
        expect(cards).to_have_count(48)  # a page of them
        expect(page.locator("strong:visible")).to_have_text("65 images")
        assert page.evaluate("window.hacked") is None  # though the hostile prompt is there

        page.get_by_placeholder("words of a prompt").fill("red fox")
        expect(cards).to_have_count(2)
        expect(cards.first).to_contain_text("a red fox in fresh snow")
        assert [_colour(card) for card in cards.all()] == ["red", "orange"]

        cards.first.click()
        details = page.locator(".genai-details:visible")
        expect(details).to_contain_text("k-1")
        expect(details.locator(".genai-files a")).to_have_count(2)

        page.get_by_role("tab", name="Charts").click()
        expect(page.locator("marimo-vega:visible, .vega-embed:visible").first).to_be_visible()
        assert [url for url in foreign if url.startswith("http")] == []
        _turned(page)


def test_only_this_machines_own_names_are_answered(address: str) -> None:
    """A page of the web could give itself an address here, and read the gallery (DNS rebinding)."""
    assert requests.get(address, timeout=10).status_code == 200
    foreign = requests.get(address, headers={"Host": "evil.test"}, timeout=10)
    assert foreign.status_code == 403
    assert requests.get(f"{address}/files/../warehouse.duckdb", timeout=10).status_code == 404


def _turned(page: Page) -> None:
    """All images again, and the second page of them."""
    page.get_by_role("tab", name="Pictures").click()
    page.get_by_placeholder("words of a prompt").fill("")
    expect(page.locator("strong:visible")).to_have_text("65 images")
    number = page.locator("input[inputmode=numeric]:visible").last
    number.fill("2")
    number.press("Enter")
    expect(page.locator(".genai-card:visible")).to_have_count(17)


def _colour(card: Locator) -> str:
    """The colour that the card's picture has in its middle, as it is on the screen."""
    picture = card.locator("img")
    expect(picture).to_have_js_property("complete", True)
    red, green, blue = picture.evaluate(
        """image => {
            const canvas = document.createElement("canvas").getContext("2d");
            canvas.drawImage(image, 0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )
    if blue > 128:
        return "blue"
    return "red" if red > 200 and green < 60 else "orange"
