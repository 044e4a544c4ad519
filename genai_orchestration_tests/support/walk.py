"""The walk of a person who looks: through Dagster's web UI, then through the gallery.

    lineage of all groups ─► a day of an asset ─► a prompt in the gallery ─► a picture's details

Each stop returns what is to be seen there once it is on the screen, pictures included. Tests look
at it; docs/screenshots.py photographs it.
"""

from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect


def lineage(page: Page, url: str) -> Locator:
    """The boxes of the graph of all that `genai/generations` is made from."""
    page.goto(f"{url}/assets/genai/generations?view=lineage&lineageScope=upstream")
    boxes = page.locator("foreignObject")
    expect(boxes.get_by_text("generations", exact=True)).to_be_visible()
    return boxes


def day(page: Page, url: str, asset: Sequence[str], on: str) -> Locator:
    """What is told of a day of the asset, by rows: counts, and its newest pictures."""
    page.goto(f"{url}/assets/{'/'.join(asset)}?view=partitions&partition={on}")
    told = page.get_by_role("table").filter(has_text="partition_row_count")
    drawn(told)
    return told


def search(page: Page, url: str, words: str) -> Locator:
    """The gallery's cards whose prompts have all of the words."""
    page.goto(url)
    cards = page.locator(".genai-card:visible")
    expect(cards.first).to_be_visible()
    page.get_by_placeholder("words of a prompt").fill(words)
    for word in words.split():
        expect(cards.filter(has_not_text=word)).to_have_count(0)
    drawn(cards)
    return cards


def details(page: Page, card: Locator) -> Locator:
    """All that is known of the card's picture, beside the cards."""
    card.click()
    known = page.locator(".genai-details:visible")
    drawn(known)
    return known


def drawn(place: Locator) -> list[str]:
    """The addresses of the pictures there, once the browser has drawn each of them."""
    pictures = place.locator("img")
    expect(pictures.first).to_be_visible()
    for picture in pictures.all():
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("picture => picture.naturalWidth") > 0
    addresses: list[str] = pictures.evaluate_all("all => all.map(picture => picture.src)")
    return addresses
