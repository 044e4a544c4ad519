"""Thumbnails in metadata: small, bounded, and still there when the file is not."""

import base64
import random
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image

from genai_orchestration.orchestration.metadata import thumbnails
from genai_orchestration.providers import provider_named
from genai_orchestration.settings import Settings
from genai_orchestration_tests.gallery.collection import AT, HOSTILE, archived, image
from genai_orchestration_tests.support.warehouse_rows import put

NOISE = f"cd/{'cd' * 32}.png"


def noise(settings: Settings) -> str:
    """The picture that is the hardest to make small."""
    file = Path(settings.archive) / NOISE
    file.parent.mkdir(parents=True)
    content = random.Random(1).randbytes(1024 * 1024 * 3)
    Image.frombytes("RGB", (1024, 1024), content).save(file)
    return NOISE


def test_each_picture_is_a_value_that_the_ui_renders_in_place(settings: Settings) -> None:
    plain = archived(settings, "one", "red")["archived_path"]
    shown = thumbnails.metadata(settings, [(plain, "a fox"), (noise(settings), "noise" * 50)])
    assert list(shown) == ["newest 1", "newest 2"]
    sides = []
    for value in shown.values():
        assert len(value.value or "") <= 1000
        data = (value.value or "").partition("base64,")[2].rstrip(")")
        with Image.open(BytesIO(base64.b64decode(data))) as image:
            sides.append(image.width)
    assert sides[0] == 160
    assert sides[1] >= 32


def test_captions_are_no_markup_and_what_is_no_picture_is_left_out(settings: Settings) -> None:
    path = archived(settings, "one", "red")["archived_path"]
    shown = thumbnails.metadata(settings, [("gone", "x"), (path, HOSTILE)])
    (value,) = shown.values()
    caption = (value.value or "").partition("](data:")[0].removeprefix("![")
    assert not set(caption) & set("<>[]()!\"'$`\\")


def test_a_day_shows_its_newest_archived_pictures(settings: Settings) -> None:
    images = [
        image(f"fox-{n}", f"fox {n}", date_created=AT + timedelta(minutes=n)) for n in range(5)
    ]
    put(settings, "imagine_api", "images", *images)
    files = [
        {**archived(settings, row["id"], colour), "date_created": row["date_created"]}
        for row, colour in zip(images, ("red", "blue", "green", "gold", "pink"), strict=True)
    ]
    put(settings, "imagine_api", "asset_file", *files)
    imagine = provider_named("imagine_api")
    assert imagine.archive
    days = (AT.date() - timedelta(days=1000), AT.date() + timedelta(days=1))
    shown = thumbnails.of_days(imagine, settings, imagine.archive, days)
    assert list(shown) == ["2026-03-10"]
    captions = [(value.value or "")[:8] for value in shown["2026-03-10"].values()]
    assert captions == ["![fox 4]", "![fox 3]", "![fox 2]"]
