"""Abyssale's sandbox over plain HTTP: keys, limits, and the listings of the vendor's contract."""

import time

import pytest
import requests

from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.providers.abyssale.sandbox.client import (
    HEADERS,
    RATE_HEADERS,
    STAMP,
    call,
    design_of,
    get,
    names,
)

# --- the door ---------------------------------------------------------------------------------


def test_a_call_without_the_key_is_unauthorized_but_health_is_open(server: Sandbox) -> None:
    for headers in ({}, {"x-api-key": "wrong"}, {"Authorization": "sandbox"}):
        response = call(server, "GET", "/designs", headers=headers)
        assert response.status_code == 401
        assert response.json() == {
            "id": "unauthorized",
            "message": "Unauthorized: missing or invalid API key.",
            "version": STAMP,
        }
    assert call(server, "GET", "/ready", headers={}).status_code == 200


def test_a_path_that_is_no_endpoint_and_a_wrong_method_have_their_own_ids(server: Sandbox) -> None:
    for path in ("/nothing", "/designs/not-a-uuid", "/designs/"):
        response = get(server, path)
        assert (response.status_code, response.json()["id"]) == (404, "endpoint_not_found")
    response = call(server, "POST", "/designs")
    assert (response.status_code, response.json()["id"]) == (405, "method_not_allowed")


def test_the_version_is_stamped_on_objects_but_not_on_arrays_and_banners(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    assert get(server, "/credits").json()["version"] == STAMP
    assert isinstance(get(server, "/designs").json(), list)
    assert get(server, f"/banners/{state.banner_ids[0]}").json()["version"] == 1


def test_reads_say_how_much_of_the_budget_is_left_and_generations_do_not(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    first, second = get(server, "/fonts"), get(server, "/fonts")
    left = [int(each.headers["X-RateLimit-Remaining"]) for each in (first, second)]
    assert left[0] == left[1] + 1
    path = f"/banner-builder/{design_of(state, 'static').id}/generate"
    assert not {*RATE_HEADERS} & {*call(server, "POST", path, json={}).headers}


def test_the_gateway_refuses_the_eleventh_request_of_a_second_without_headers(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    state.gateway_limit = 10
    with requests.Session() as session:
        session.headers.update(HEADERS)
        url = server.base_url("abyssale") + "/credits"
        answers = [session.get(url, timeout=10) for _ in range(12)]
    refused = [each for each in answers if each.status_code == 429]
    assert len(refused) == 2
    assert refused[0].json()["id"] == "rate_limit_exceeded"
    assert not {*RATE_HEADERS, "Retry-After"} & {*refused[0].headers}
    assert state.gateway_peak == 12
    time.sleep(1.05)  # the ceiling is of real seconds
    assert get(server, "/credits").status_code == 200


# --- listings ---------------------------------------------------------------------------------


def test_all_designs_come_by_name_when_no_page_is_asked_for(server: Sandbox) -> None:
    response = get(server, "/designs")
    assert len(response.json()) == 40
    assert names(response) == sorted(names(response), key=str.casefold)
    assert "X-Total-Count" not in response.headers


def test_pages_are_opt_in_and_say_the_total(server: Sandbox) -> None:
    first = get(server, "/designs", page=1, per_page=15)
    assert (len(first.json()), first.headers["X-Total-Count"]) == (15, "40")
    assert len(get(server, "/designs", page=2).json()) == 15  # 25 to a page by default
    assert get(server, "/designs", page=9, per_page=15).json() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("per_page", "101"),
        ("page", "0"),
        ("sort", "size"),
        ("order", "up"),
        ("orientation", "round"),
        ("updated_since", "yesterday"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_by_name(
    server: Sandbox, name: str, value: str
) -> None:
    response = get(server, "/designs", **{name: value})
    assert response.status_code == 400
    assert response.json()["id"] == "invalid_query_param"
    assert response.json()["errors"][0]["path"] == name


def test_a_malformed_project_is_refused_under_the_name_of_its_old_alias(server: Sandbox) -> None:
    body = get(server, "/designs", project_id="abc").json()
    assert (body["id"], body["message"]) == ("invalid_payload", "malformed id category_id")
    assert body["errors"] == [
        {"path": "category_id", "code": "invalid_payload", "message": "malformed"}
    ]


def test_types_are_one_list_in_which_unknown_words_are_ignored(server: Sandbox) -> None:
    kinds = {row["type"] for row in get(server, "/designs", type="animated,printer,nft").json()}
    assert kinds == {"animated", "printer"}
    assert len(get(server, "/designs", type="nft").json()) == 40


def test_designs_are_found_by_words_phrases_projects_and_shapes(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    project = next(iter(state.workspace.projects.values()))
    inside = get(server, "/designs", project_id=project.id).json()
    assert {row["project_name"] for row in inside} == {project.name}
    assert inside == get(server, "/designs", project=project.name.upper()).json()
    assert names(get(server, "/designs", query="hero friday")) == names(
        get(server, "/designs", name="black friday hero")
    )
    tall = {row["id"] for row in get(server, "/designs", size="1080x1920").json()}
    assert tall
    assert tall == {row["id"] for row in get(server, "/designs", format="ig-story").json()}
    assert tall <= {row["id"] for row in get(server, "/designs", orientation="portrait").json()}


def test_designs_are_read_by_the_time_they_were_updated(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "static")
    server.clock.advance(60)
    state.touch(design.id, name="Touched")
    since = server.clock.now().isoformat()
    changed = get(server, "/designs", updated_since=since).json()
    assert [(row["id"], row["name"]) for row in changed] == [(design.id, "Touched")]
    newest = get(server, "/designs", sort="updated", order="desc", per_page=1).json()
    assert newest == changed
    assert get(server, "/designs", created_since="2999-01-01").json() == []


def test_a_deleted_design_vanishes_and_every_endpoint_forgets_it(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "static")
    body = call(server, "DELETE", f"/designs/{design.id}")
    assert (body.status_code, body.json()["id"]) == (200, design.id)
    assert len(get(server, "/designs").json()) == 39
    for path in ("", "/formats/ig-story"):
        response = get(server, f"/designs/{design.id}{path}")
        assert (response.status_code, response.json()["id"]) == (404, "template_not_found")


def test_the_back_door_touches_and_removes_designs_without_a_key(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "animated")
    server.clock.advance(5)
    path = f"/_admin/designs/{design.id}"
    call(server, "POST", f"{path}/touch", headers={}, json={"name": "By hand"})
    assert (design.name, design.updated_at) == ("By hand", int(server.clock.now().timestamp()))
    assert call(server, "DELETE", path, headers={}).status_code == 200
    assert design.id not in state.designs


def test_projects_are_made_once_per_name(server: Sandbox) -> None:
    made = call(server, "POST", "/projects", json={"name": "  Fresh  "}).json()
    assert (made["name"], made["version"]) == ("Fresh", STAMP)
    again = call(server, "POST", "/projects", json={"name": "Fresh"})
    assert (again.status_code, again.json()["id"]) == (400, "project_already_exists")
    assert call(server, "POST", "/projects", json={}).json()["id"] == "missing_required"
    assert call(server, "POST", "/projects", json={"name": "x"}).json()["id"] == "out_of_range"
    assert call(server, "POST", "/projects", data="{", headers=HEADERS).status_code == 415
    assert names(get(server, "/projects", name="fre")) == ["Fresh"]


def test_fonts_mix_numbers_and_words_in_their_weights(server: Sandbox) -> None:
    fonts = get(server, "/fonts").json()
    assert len(fonts) == 60
    assert {type(weight) for font in fonts for weight in font["available_weights"]} == {int, str}
    assert {"category" in font for font in fonts if font["type"] == "custom"} == {False}
    serif = get(server, "/fonts", category="serif", style="italic", per_page=100)
    assert serif.headers["X-Total-Count"] == str(len(serif.json()))
