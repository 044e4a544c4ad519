"""The gallery as a person sees it: `genai gallery`, looked at with Chromium."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Locator, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from genai_orchestration.settings import Settings
from genai_orchestration_tests.gallery.collection import fill
from genai_orchestration_tests.support.browser import chromium
from genai_orchestration_tests.support.command import served


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


def test_no_page_of_others_reads_it_by_a_websocket(address: str) -> None:
    """Marimo sends everything that is shown over one, and asks for no password."""
    socket = f"{address.replace('http', 'ws')}/ws?session_id=s_reader"
    for headers in (
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": address.replace("127.0.0.1", "localhost")},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.test"},
    ):
        with pytest.raises(InvalidStatus, match="403"):
            connect(socket, additional_headers=headers, proxy=None)
        path = f"{address}/thumbnails/x"
        assert requests.get(path, headers=headers, timeout=10).status_code == 403
    with connect(socket, additional_headers={"Origin": address}, proxy=None) as opened:
        assert opened.recv(30)


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
