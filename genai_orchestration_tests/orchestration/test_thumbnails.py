"""Thumbnails in metadata: small, bounded, and still there when the file is not."""

import base64
import random
from io import BytesIO
from pathlib import Path

from PIL import Image

from genai_orchestration.orchestration import thumbnails
from genai_orchestration.settings import Settings
from genai_orchestration_tests.gallery.collection import HOSTILE, archived

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
