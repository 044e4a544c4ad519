"""The contract of ImagineAPI's pictures: public, found by id, and never with another's token."""

import uuid
from typing import Any

import pytest

from genai_orchestration_tests.providers.imagine_api.contract.client import (
    FORBIDDEN,
    Client,
    refusal,
)
from genai_orchestration_tests.providers.imagine_api.contract.server import Image, Server

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def api(server: Server) -> Client:
    return server.customer([Image(stored=True)])


@pytest.fixture(scope="module")
def image(api: Client) -> Any:
    """A completed image with its five files."""
    [found] = api.rows()
    return found


def test_an_asset_is_public_but_a_wrong_token_is_refused(
    server: Server, api: Client, image: Any
) -> None:
    url = image["url"]
    public = api.ask("GET", url, token=None)
    assert public.content.startswith(PNG)
    assert public.headers["Cache-Control"] == "public, max-age=2592000"
    assert public.headers["Content-Type"] == "image/png"
    own = api.ask("GET", url)
    assert own.content == public.content
    assert own.headers["Cache-Control"] == "private, max-age=2592000"
    assert refusal(api.ask("GET", url, token="wrong")) == (401, "INVALID_CREDENTIALS")
    if stranger := server.stranger(api):
        assert refusal(api.ask("GET", url, token=stranger)) == FORBIDDEN
    assert refusal(api.ask("GET", f"/assets/{uuid.uuid4()}", token=None)) == FORBIDDEN


def test_an_asset_is_found_by_its_id_whatever_name_follows(api: Client, image: Any) -> None:
    bodies = {
        api.ask("GET", f"/assets/{image['results']}{name}", token=None).content
        for name in ("", "/any.png", "?download")
    }
    assert len(bodies) == 1
    saved = api.ask("GET", f"/assets/{image['results']}/fox.png?download", token=None)
    assert saved.headers["Content-Disposition"] == 'attachment; filename="fox.png"'


def test_the_quadrants_are_four_files_whose_ids_are_sorted(api: Client, image: Any) -> None:
    files = [url.split("/")[-2] for url in image["upscaled_urls"]]
    assert sorted(files) == image["upscaled"]
    pictures = {api.ask("GET", url, token=None).content for url in image["upscaled_urls"]}
    assert len(pictures) == len(files) == 4


def test_an_asset_can_be_asked_for_in_another_size(api: Client, image: Any) -> None:
    file = f"/assets/{image['results']}"
    png = api.ask("GET", f"{file}?width=64&height=32", token=None).content
    assert png[16:24] == (64).to_bytes(4, "big") + (32).to_bytes(4, "big")
    assert api.ask("GET", f"{file}?width=abc", token=None).status_code == 500
