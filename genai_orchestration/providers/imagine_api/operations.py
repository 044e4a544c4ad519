"""ImagineAPI's one paid POST, `POST /items/images`, as far as it is known before it is sent.

Facts from the vendor's published code and a real Directus: an unknown key answers 500, a NUL
character answers 500 (PostgreSQL), a body over 1 MB answers 400, and an empty prompt is taken.
"""

import json
from collections.abc import Mapping
from typing import Any

from genai_orchestration.providers.payload import Fields, Text, value_at
from genai_orchestration.providers.work import Operation

Payload = Mapping[str, Any]

LARGEST_BODY = 1024 * 1024  # bytes: Directus' MAX_PAYLOAD_SIZE, "1mb"
ENVELOPE = 256  # bytes of the body that are kept free for `id` and `ref`
OURS = ("id", "ref")  # follow from the request key
FIELDS = Fields({"prompt": Text(required=True, filled=True)})


def mistakes(payload: Payload) -> list[str]:
    """What ImagineAPI would refuse, or take and pay for in vain."""
    given = {key: value for key, value in payload.items() if key not in OURS}
    return [
        *(
            f"{key} is not yours to give: the request key becomes it."
            for key in OURS
            if key in payload
        ),
        *FIELDS.mistakes("", given),
        *_unstorable(payload),
    ]


def estimate(payload: Payload) -> int:
    """1: an image is the unit of ImagineAPI's caps.

    ImagineAPI has no credits: an image takes GPU time of a Midjourney plan that is paid by the
    month. Its caps count images, so that they hold here, too.
    """
    return 1


def model(payload: Payload) -> str:
    """Midjourney, whichever version the prompt's `--v` asks for."""
    return "midjourney"


def _unstorable(payload: Payload) -> list[str]:
    prompt = value_at(payload, "prompt", str) or ""
    found = []
    if "\0" in prompt:
        place = prompt.index("\0") + 1
        found.append(f"prompt has a NUL character at place {place}: the server cannot store it.")
    # as ASCII, its longest form: whichever way the body is written, it is not longer
    size = len(json.dumps(prompt)) + ENVELOPE
    if size > LARGEST_BODY:
        found.append(f"prompt makes a body of {size} bytes; the server takes {LARGEST_BODY}.")
    return found


OPERATIONS = (
    Operation(
        name="images_create",
        job_kind="image",
        mistakes=mistakes,
        estimate=estimate,
        model=model,
        prompt="prompt",
    ),
)
