"""Abyssale's paid POST before it is sent: mistakes of the body, and names the design lacks."""

from typing import Any

import pytest
import requests
from abyssale import _generated
from hypothesis import given

from genai_orchestration.providers.abyssale import PROVIDER, elements
from genai_orchestration.providers.abyssale.operations import FILE_TYPES
from genai_orchestration.providers.abyssale.sandbox import orders
from genai_orchestration.providers.abyssale.typos import format_count, silent_typos
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.abyssale.workspace import state
from genai_orchestration_tests.providers.payloads import odd_payloads

(GENERATE,) = PROVIDER.operations
Json = dict[str, Any]
DESIGN = "0b6f6d0e-8a0e-4a38-9d0c-6b1f3f6f2a11"
HEADERS = {"x-api-key": KEY}
TITLE = {"title": {"payload": "Hello"}}


def detail(sandbox: Sandbox, kind: str, **params: str) -> Json:
    """The detail of the sandbox's first design of that type, as the API gives it."""
    designs = state(sandbox).workspace.designs.values()
    found = next(design.id for design in designs if design.type == kind)
    url = f"{sandbox.base_url('abyssale')}/designs/{found}"
    row: Json = requests.get(url, headers=HEADERS, params=params, timeout=10).json()
    return row


def post(sandbox: Sandbox, payload: Json) -> requests.Response:
    body = {name: value for name, value in payload.items() if name != "design_id"}
    url = f"{sandbox.base_url('abyssale')}/async/banner-builder/{payload['design_id']}/generate"
    return requests.post(url, json=body, headers=HEADERS, timeout=10)


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


@pytest.mark.parametrize("kind", ["static", "animated", "printer"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"elements": {"titel": {}}}, "elements.titel is not known: did you mean title?"),
        ({"elements": {"title": {"paylod": "x"}}}, "elements.title.paylod is not known: did you"),
        ({"elements": {"vars": {"citty": "x"}}}, "elements.vars.citty is not known: did you mean"),
        ({"pages": {"page_1": {}}}, "pages is ignored"),
    ],
)
def test_a_name_that_the_design_lacks_is_told_while_the_api_takes_it_in_silence(
    sandbox: Sandbox, kind: str, body: Json, words: str
) -> None:
    design = detail(sandbox, kind, i="advanced")
    payload = {"design_id": design["id"], **body}
    assert [told for told in silent_typos(payload, design) if told.startswith(words)]
    assert post(sandbox, payload).status_code == 200


def test_a_format_that_the_design_lacks_is_told(sandbox: Sandbox) -> None:
    design = detail(sandbox, "static")
    payload = {"design_id": design["id"], "template_format_names": ["ig-storry"]}
    assert "template_format_names[0] 'ig-storry' is not known" in silent_typos(payload, design)[0]
    assert post(sandbox, payload).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"pages": {"page_9": {}}}, "pages.page_9 is not known: did you mean page_1?"),
        ({"pages": {"page_1": {"titel": {}}}}, "pages.page_1.titel is not known: did you mean"),
        ({"pages": {"page_1": {"title": {"size": 9}}}}, "pages.page_1.title.size is not known"),
        ({"elements": TITLE}, "elements is ignored"),
        ({"template_format_names": ["a4"]}, "template_format_names is ignored"),
    ],
)
def test_a_multipage_design_is_compared_page_by_page(
    sandbox: Sandbox, body: Json, words: str
) -> None:
    design = detail(sandbox, "printer_multipage")
    good = {"design_id": design["id"], "pages": {"page_1": {**TITLE, "vars": {"city": "x"}}}}
    assert silent_typos(good, design) == []
    assert GENERATE.mistakes(good) == []
    assert post(sandbox, good).status_code == 200
    assert GENERATE.estimate(good) == format_count(good, design) == 1
    told = silent_typos({"design_id": design["id"], **body}, design)
    assert [each for each in told if each.startswith(words)]


def test_all_formats_of_a_design_have_no_estimate_without_the_design(sandbox: Sandbox) -> None:
    design = detail(sandbox, "static")
    payload = {"design_id": design["id"]}
    assert GENERATE.estimate(payload) is None
    assert format_count(payload, design) == 3


def test_an_advanced_group_may_be_given_anything(sandbox: Sandbox) -> None:
    design = detail(sandbox, "static", i="advanced")
    payload = {"design_id": design["id"], "elements": {"group_1": {"hidden": True}}}
    assert silent_typos(payload, design) == []


@pytest.mark.parametrize(
    ("layer", "known"),
    [
        ("hero", "remove_bg expand expand_properties upscale upscale_properties image_encoded"),
        ("cta", "icon_url icon_color text_shadow_blur hidden"),
        ("title", "side_border text_truncation shadow_color"),
        ("root", "background_color shadow_blur"),
    ],
)
def test_properties_of_a_layers_type_are_no_mistakes_though_no_design_lists_them(
    sandbox: Sandbox, layer: str, known: str
) -> None:
    payload = {"elements": {layer: dict.fromkeys(known.split(), "x")}}
    assert silent_typos(payload, detail(sandbox, "static")) == []


@pytest.mark.parametrize(
    ("layer", "odd"),
    [
        ("hero", "icon_url"),
        ("cta", "upscale"),
        ("title", "image_url"),
        ("title", "font_siz"),
        ("root", "payload"),
    ],
)
def test_a_property_of_another_type_or_of_none_is_a_mistake(
    sandbox: Sandbox, layer: str, odd: str
) -> None:
    told = silent_typos({"elements": {layer: {odd: "x"}}}, detail(sandbox, "static"))
    assert [each.partition(" is not known")[0] for each in told] == [f"elements.{layer}.{odd}"]


SDK_MODELS = {
    "container": "RootElement",
    "image": "AsyncImageElement",
    "qrcode": "QRCodeElement",
}


@pytest.mark.parametrize("kind", elements.PROPERTIES)
def test_the_properties_of_a_type_are_those_of_the_vendors_sdk(kind: str) -> None:
    model = getattr(_generated, SDK_MODELS.get(kind, f"{kind.capitalize()}Element"))
    shared = _generated.SharedElementProperties
    fields = {**shared.model_fields, **model.model_fields}
    assert elements.PROPERTIES[kind] == {info.alias or name for name, info in fields.items()}


def test_the_sandboxs_designs_list_attributes_of_their_layers_types(sandbox: Sandbox) -> None:
    for layer in detail(sandbox, "static")["elements"]:
        listed = {attribute["id"] for attribute in layer["attributes"]}
        assert listed <= elements.properties_of(layer["type"])
        assert len(listed) > 1 or layer["type"] == "container"


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
