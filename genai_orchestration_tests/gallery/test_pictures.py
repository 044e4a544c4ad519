"""Small pictures of the archive, and the HTML around them, which is untrusted throughout."""

import os
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from genai_orchestration.gallery import cards, pictures
from genai_orchestration.gallery.pictures import NoPicture
from genai_orchestration.settings import Settings
from genai_orchestration_tests.gallery.collection import HOSTILE, archived

NOWHERE = f"ab/{'ab' * 32}.png"


def row(**more: object) -> dict[str, object]:
    told = {"job_id": "one", "state": "SUCCEEDED", "prompt": "a fox", "picture": None}
    return {**told, "request_key": None, **more}


def put(settings: Settings, content: bytes) -> str:
    file = settings.archive + "/" + NOWHERE
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_bytes(content)
    return NOWHERE


def test_a_thumbnail_is_small_and_made_once(settings: Settings) -> None:
    path = archived(settings, "one", "red")["archived_path"]
    made = pictures.thumbnail(settings, path)
    with Image.open(BytesIO(made)) as image:
        assert (image.format, image.size) == ("WEBP", (320, 240))
    os.unlink(f"{settings.archive}/{path}")
    assert pictures.thumbnail(settings, path) == made


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", f"{NOWHERE}/..", "", "ab/cd.png", "/etc/passwd", NOWHERE]
)
def test_nothing_but_archived_files_is_read(settings: Settings, path: str) -> None:
    with pytest.raises(NoPicture):
        pictures.thumbnail(settings, path)
    with pytest.raises(NoPicture):
        pictures.original(settings, path)


def test_a_link_inside_the_archive_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"somebody's own")
    folder = Path(settings.archive) / NOWHERE[:2]
    folder.mkdir(parents=True)
    (Path(settings.archive) / NOWHERE).symlink_to(tmp_path / "secret.png")
    with pytest.raises(NoPicture, match="is not there"):
        pictures.original(settings, NOWHERE)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n torn", b"<svg/>"])
def test_what_is_no_picture_has_no_thumbnail(settings: Settings, content: bytes) -> None:
    path = put(settings, content)
    with pytest.raises(NoPicture):
        pictures.thumbnail(settings, path)


def test_a_bomb_is_not_unpacked(settings: Settings) -> None:
    bomb = BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    with pytest.raises(NoPicture, match="pixels"):
        pictures.thumbnail(settings, put(settings, bomb.getvalue()))


def test_prompts_are_text_and_never_markup() -> None:
    for html in (cards.card(row(prompt=HOSTILE)), cards.details(row(prompt=HOSTILE), [])):
        assert "onerror" in html  # the word is shown
        assert 'onerror="' not in html
        assert "![" not in html
        assert "$" not in html
        assert set(re.findall(r"<(\w+)", html)) <= {"figure", "figcaption", "div", "h3", "table",
                                                   "tr", "th", "td", "img"}  # fmt: skip


@pytest.mark.parametrize("address", ["javascript:alert(1)", 'https://x/"onload="a', "data:,", ""])
def test_only_public_addresses_are_pictures(address: str) -> None:
    assert "<img" not in cards.picture(row(picture=address))


def test_a_picture_comes_from_the_archive_else_from_its_address(settings: Settings) -> None:
    path = archived(settings, "one", "red")["archived_path"]
    assert f'src="/thumbnails/{path}"' in cards.picture(row(picture=path))
    small = cards.picture(row(picture="https://cl.imagineapi.dev/assets/a/a.png"))
    assert "assets&#47;a&#47;a&#46;png&#63;width&#61;320" in small
