"""Abyssale's sandbox renders as the vendor does: what comes of an order, and what it costs."""

import uuid
from typing import Any

import pytest
import requests
from abyssale import Abyssale, AbyssaleAPIError, AbyssaleRateLimitError
from abyssale import models as sdk

from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.png import SIGNATURE
from genai_orchestration_tests.providers.abyssale.sandbox.client import (
    RATE_HEADERS,
    STAMP,
    call,
    design_of,
    get,
)

Json = dict[str, Any]
TOO_LONG = "much too long " * 10  # 140 characters


def test_an_image_is_generated_at_once_and_its_file_is_a_picture(
    client: Abyssale, state: AbyssaleSandbox
) -> None:
    before = client.get_credits().generation_credits
    design = design_of(state, "static")
    banner = client.generate_image(design.id, {"elements": {"title": {"payload": "Hello"}}})
    sdk.Banner.model_validate(banner.model_dump())
    after = client.get_credits().generation_credits
    assert (before.available - after.available, after.consumed - before.consumed) == (1, 1)
    assert client.get_file(str(banner.id)).file.url == banner.file.url
    for url in (banner.file.url, banner.file.cdn_url):
        assert url is not None
        picture = requests.get(url, timeout=10)
        assert picture.headers["content-type"] == "image/png"
        assert picture.content.startswith(SIGNATURE)


def test_another_text_is_another_picture_but_a_misspelt_layer_is_not(
    client: Abyssale, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "static")
    bodies: list[Json] = [
        {},
        {"elements": {"tilte": {"payload": "Hello"}}},
        {"elements": {"title": {"payload": "Hello"}}},
        {"elements": {"vars": {"city": "Lyon"}}},
    ]
    urls = [client.generate_image(design.id, body).file.url for body in bodies]
    saved, misspelt, hello, lyon = (requests.get(url, timeout=10).content for url in urls)
    assert saved == misspelt
    assert len({saved, hello, lyon}) == 3


def test_finished_banners_exist_from_the_start(client: Abyssale, state: AbyssaleSandbox) -> None:
    assert len(state.banner_ids) == 5
    for id in state.banner_ids:
        sdk.Banner.model_validate(client.get_file(id).model_dump())
    with pytest.raises(AbyssaleAPIError) as error:
        client.get_file(str(uuid.uuid4()))
    assert error.value.id == "visual_not_found"


def test_a_generation_runs_is_finalized_and_after_a_week_gone(
    server: Sandbox, client: Abyssale, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "static")
    accepted = client.generate_multi_format_media(design.id, {"elements": {}})
    path = f"/generation-request/{accepted.generation_request_id}"
    running = get(server, path)
    assert running.status_code == 202
    assert running.json() == {
        "id": accepted.generation_request_id,
        "is_finalized": False,
        "banners": [],
        "version": STAMP,
    }
    server.clock.advance(4)
    done = client.wait_for_generation_request(accepted.generation_request_id)
    sdk.GenerationRequestStatus.model_validate(done.model_dump())
    assert [banner.format and banner.format.id for banner in done.banners] == [
        each.name for each in design.formats
    ]
    assert "errors" not in get(server, path).json()
    server.clock.advance(7 * 86_400)
    gone = get(server, path)
    assert (gone.status_code, gone.json()["id"]) == (410, "generation_request_gone")
    assert client.get_file(str(done.banners[0].id)).id == done.banners[0].id
    unknown = get(server, f"/generation-request/{uuid.uuid4()}")
    assert (unknown.status_code, unknown.json()["id"]) == (404, "generation_request_not_found")


def test_only_formats_that_succeed_cost_a_credit(
    server: Sandbox, client: Abyssale, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "static", holding="leaderboard")
    before = client.get_credits().generation_credits.available
    body = {"elements": {"title": {"payload": "Fits in a wide format, not in a narrow one " * 2}}}
    accepted = client.generate_multi_format_media(design.id, body)
    assert client.get_credits().generation_credits.available == before
    server.clock.advance(4)
    done = client.get_generation_request(accepted.generation_request_id)
    assert done.errors is not None
    failed = {error.template_format_name: error.reason for error in done.errors}
    assert set(failed) <= {"leaderboard", "skyscraper"}
    assert len(done.banners) == len(design.formats) - len(failed)
    after = client.get_credits().generation_credits.available
    assert before - after == len(done.banners)


def test_a_text_that_fits_nowhere_fails_every_format(
    server: Sandbox, client: Abyssale, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "static")
    body = {"elements": {"title": {"payload": TOO_LONG}}}
    with pytest.raises(AbyssaleAPIError) as error:
        client.generate_image(design.id, body)
    assert (error.value.status, error.value.id) == (400, "cannot_build_banner")
    accepted = client.generate_multi_format_media(design.id, body)
    server.clock.advance(4)
    done = client.get_generation_request(accepted.generation_request_id)
    assert done.banners == []
    assert done.errors is not None
    assert len(done.errors) == len(design.formats)
    reason = done.errors[0].reason or ""
    assert reason.startswith("Element title error: The text '")
    assert reason.endswith("cannot fit within the defined space.")


@pytest.mark.parametrize(
    ("kind", "body", "status", "id"),
    [
        ("static", {"image_file_type": "mp4"}, 400, "invalid_filetype"),
        ("animated", {"image_file_type": "png"}, 400, "invalid_filetype"),
        ("printer", {"image_file_type": "gif"}, 400, "invalid_filetype"),
        ("static", {"template_format_names": ["nowhere"]}, 404, "format_not_found"),
        ("static", {"original_visual_id": "x"}, 400, "more_than_one_format"),
        ("static", {"elements": {"title": "Hello"}}, 400, "wrong_type"),
        ("static", {"file_compression_level": 0}, 400, "out_of_range"),
    ],
)
def test_an_order_that_cannot_be_rendered_is_refused(
    server: Sandbox, state: AbyssaleSandbox, kind: str, body: Json, status: int, id: str
) -> None:
    path = f"/async/banner-builder/{design_of(state, kind).id}/generate"
    response = call(server, "POST", path, json=body)
    assert (response.status_code, response.json()["id"]) == (status, id)
    assert state.accepted == 0


def test_only_static_designs_are_generated_at_once_and_without_ai(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    path = "/banner-builder/{}/generate"
    animated = call(server, "POST", path.format(design_of(state, "animated").id), json={})
    assert animated.json()["id"] == "template_not_static"
    drawn = {"elements": {"hero": {"text_to_image": True}}}
    static = call(server, "POST", path.format(design_of(state, "static").id), json=drawn)
    assert static.json()["errors"][0]["path"] == "elements.hero.text_to_image"


def test_a_multipage_pdf_is_one_file(
    server: Sandbox, client: Abyssale, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "printer_multipage")
    pages = {"page_1": {"title": {"payload": "Spring"}}}
    accepted = client.generate_multi_page_pdf(design.id, {"pages": pages})
    server.clock.advance(4)
    done = client.get_generation_request(accepted.generation_request_id)
    assert [banner.file.type.value for banner in done.banners] == ["pdf"]
    assert done.banners[0].format is not None
    assert done.banners[0].format.id is None


def test_html5_is_a_zip_with_a_fallback_and_without_a_cdn(
    server: Sandbox, client: Abyssale, state: AbyssaleSandbox
) -> None:
    body = {"image_file_type": "html5"}
    accepted = client.generate_multi_format_media(design_of(state, "animated").id, body)
    server.clock.advance(4)
    done = client.get_generation_request(accepted.generation_request_id)
    file = done.banners[0].file
    assert (file.type.value, file.cdn_url) == ("zip", None)
    assert file.fallback_image_url


def test_a_new_version_of_a_visual_shares_its_sharing_id(
    client: Abyssale, server: Sandbox, state: AbyssaleSandbox
) -> None:
    first = client.get_file(state.banner_ids[0])
    assert first.template is not None
    assert first.format is not None
    body = {"original_visual_id": str(first.id), "template_format_names": [first.format.id]}
    accepted = client.generate_multi_format_media(str(first.template.id), body)
    server.clock.advance(4)
    second = client.get_generation_request(accepted.generation_request_id).banners[0]
    assert (second.sharing_id, second.version) == (first.sharing_id, 2)


def test_spent_credits_answer_429_without_headers(server: Sandbox, state: AbyssaleSandbox) -> None:
    credits = state.studio.generation_credits
    credits.consumed, credits.limit = 500, 500
    for path in ("/banner-builder/{}/generate", "/async/banner-builder/{}/generate"):
        response = call(server, "POST", path.format(design_of(state, "static").id), json={})
        assert (response.status_code, response.json()["id"]) == (429, "rate_limit_exceeded")
        assert not {*RATE_HEADERS, "Retry-After"} & {*response.headers}


def test_a_design_outside_the_plan_answers_429_for_ever(
    client: Abyssale, state: AbyssaleSandbox
) -> None:
    outside = next(design for design in state.designs.values() if not design.in_plan)
    with pytest.raises(AbyssaleRateLimitError) as error:
        client.generate_multi_format_media(outside.id, {})
    assert error.value.id == "feature_not_in_plan"
