"""Abyssale's paid POST before it is sent: mistakes of the body, and how many pictures it makes."""

import pytest
from hypothesis import given

from genai_orchestration.providers.abyssale.operations import FILE_TYPES
from genai_orchestration.providers.abyssale.sandbox import orders
from genai_orchestration.providers.abyssale.typos import format_count, silent_typos
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.providers.abyssale.designs import GENERATE, TITLE, Json, detail, post
from genai_orchestration_tests.providers.payloads import odd_payloads

DESIGN = "0b6f6d0e-8a0e-4a38-9d0c-6b1f3f6f2a11"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"elements": {**TITLE, "vars": {"city": "Lyon"}}, "image_file_type": "webp"},
        {"file_compression_level": 100, "callback_url": "https://example.com/hook"},
        {"elements": {"hero": {"text_to_image": "a red fox in snow"}}},
    ],
)
def test_a_payload_without_mistakes_is_taken(sandbox: Sandbox, body: Json) -> None:
    design = detail(sandbox, "static")
    names = [design["formats"][0]["id"], design["formats"][1]["uid"]]
    payload = {"design_id": design["id"], "template_format_names": names, **body}
    assert GENERATE.mistakes(payload) == []
    assert silent_typos(payload, design) == []
    assert post(sandbox, payload).status_code == 200
    assert GENERATE.estimate(payload) == format_count(payload, design) == 2
    assert GENERATE.model(payload) == design["id"]


@pytest.mark.parametrize(
    ("body", "words", "status"),
    [
        ({"elements": {"title": "Hello"}}, "elements.title is 'Hello', but must be an object", 400),
        ({"elements": [TITLE]}, "elements is a list, but must be an object", 400),
        ({"elements": {"vars": "Lyon"}}, "elements.vars is 'Lyon', but must be an object", 400),
        ({"image_file_type": "bmp"}, "image_file_type is 'bmp', but must be one of auto,", 400),
        ({"file_compression_level": 0}, "must be a whole number from 1 to 100", 400),
        ({"file_compression_level": "90"}, "file_compression_level is '90', but", 400),
        ({"template_format_names": "ig-story"}, "must be a list", 400),
        (
            {
                "original_visual_id": DESIGN,
                "template_format_names": ["facebook-feed", "ig-story"],
            },
            "original_visual_id needs exactly one format; there are 2.",
            400,
        ),
        # taken, and not what was meant
        ({"template_format_name": "x"}, "did you mean template_format_names?", 200),
        ({"element": TITLE}, "element is not known: did you mean elements?", 200),
        ({"callback_url": "http://example.com"}, "calls back over https:// only", 200),
        ({"elements": {"vars": {"city": {"a": 1}}}}, "but must be text or a number", 200),
        ({"gif": {"max_fps": 30}}, "gif.max_fps is 30, but must be a number from 2 to 9", 200),
        ({"gif": {"max_fps": 8}, "image_file_type": "png"}, "gif is for image_file_type gif", 200),
        ({"print": {"color_profile": "cmyk"}}, "print.color_profile is 'cmyk', but must be", 200),
        ({"elements": TITLE, "pages": {}}, "pages is for a printer_multipage design only", 200),
        (
            {"elements": {"hero": {"text_to_image_properties": {"prompt": "a fox"}}}},
            "must have at least 3 words",
            200,
        ),
        (
            {"template_format_names": ["facebook-feed", "facebook-feed"]},
            "template_format_names has 'facebook-feed' twice",
            200,
        ),
    ],
)
def test_a_mistake_is_told_before_it_is_refused_or_worse(
    sandbox: Sandbox, body: Json, words: str, status: int
) -> None:
    payload = {"design_id": detail(sandbox, "static")["id"], **body}
    assert [told for told in GENERATE.mistakes(payload) if words in told]
    assert post(sandbox, payload).status_code == status


@pytest.mark.parametrize("id", ["42", "", DESIGN.replace("-", ""), f"{{{DESIGN}}}"])
def test_a_design_that_is_no_uuid_is_told(sandbox: Sandbox, id: str) -> None:
    assert GENERATE.mistakes({"design_id": DESIGN}) == []
    assert "design_id is" in GENERATE.mistakes({"design_id": id})[0]
    assert GENERATE.mistakes({})[0].startswith("design_id is missing: it must be a UUID")


@pytest.mark.parametrize("kind", FILE_TYPES)
@pytest.mark.parametrize("file_type", ["png", "gif", "pdf", "auto"])
def test_a_file_type_that_the_design_cannot_have_is_told(
    sandbox: Sandbox, kind: str, file_type: str
) -> None:
    design = detail(sandbox, kind)
    payload = {"design_id": design["id"], "image_file_type": file_type}
    refused = post(sandbox, payload).status_code == 400
    assert bool(silent_typos(payload, design)) is refused
    assert (GENERATE.mistakes(payload), FILE_TYPES) == ([], orders.FILE_TYPES)


def test_all_formats_of_a_design_have_no_estimate_without_the_design(sandbox: Sandbox) -> None:
    design = detail(sandbox, "static")
    payload = {"design_id": design["id"]}
    assert GENERATE.estimate(payload) is None
    assert format_count(payload, design) == 3


@given(odd_payloads("design_id", "elements", "vars", "title", "pages", "template_format_names"))
def test_no_payload_is_too_odd(payload: Json) -> None:
    design: Json = {
        "type": "static",
        "formats": None,
        "elements": [{"name": "title"}],
        "variables": {},
    }
    pages: Json = {"type": "printer_multipage", "elements_per_page": {"page_1": []}}
    for told in (
        GENERATE.mistakes(payload),
        silent_typos(payload, design),
        silent_typos(payload, pages),
    ):
        assert all(isinstance(each, str) for each in told)
    assert isinstance(GENERATE.model(payload), str)
