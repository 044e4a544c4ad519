"""Abyssale's paid POST before it is sent: names that the design lacks, and those it may have."""

import pytest
from abyssale import _generated

from genai_orchestration.providers.abyssale import elements
from genai_orchestration.providers.abyssale.typos import format_count, silent_typos
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.providers.abyssale.designs import GENERATE, TITLE, Json, detail, post


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
