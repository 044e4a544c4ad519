"""The page that needs no server."""

import re
from pathlib import Path

from playwright.sync_api import expect

from genai_orchestration.gallery.export import export
from genai_orchestration.settings import Settings
from genai_orchestration_tests.gallery.collection import fill
from genai_orchestration_tests.support.browser import chromium
from genai_orchestration_tests.support.command import genai


def test_the_newest_are_in_it_and_it_says_so(settings: Settings, tmp_path: Path) -> None:
    fill(settings)
    page = tmp_path / "page.html"
    assert export(settings, page, newest=5) == (5, 65)
    html = page.read_text()
    assert "The newest 5 of 65 images" in html
    assert "2 of them have no picture in the archive" in html
    assert html.count("data:image/webp;base64,") == 3
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=&#34;window.hacked=1&#34;&gt;" in html
    assert html.count("<script>") == html.count("</script>") == 1
    assert not re.findall('(?:src|href)="(?!data:)', html)


def test_the_command_writes_it(settings: Settings) -> None:
    fill(settings)
    said = genai("gallery", "--export", "gallery.html")
    assert said.out == "Wrote the newest 65 of 65 images to gallery.html.\n"
    assert Path("gallery.html").stat().st_size > 10_000


def test_an_empty_warehouse_is_an_empty_page(settings: Settings) -> None:
    assert export(settings, Path("gallery.html")) == (0, 0)


def test_it_can_be_searched_without_a_server(settings: Settings) -> None:
    fill(settings)
    export(settings, Path("gallery.html"))
    with chromium() as page:
        page.goto(Path("gallery.html").absolute().as_uri())
        assert page.evaluate("window.hacked") is None
        page.get_by_label("Search").fill("RED fox")
        expect(page.locator("figure:visible")).to_have_count(2)
        shown = page.locator("figure:visible img").evaluate_all("l => l.map(i => i.naturalWidth)")
        assert shown == [320, 320]
