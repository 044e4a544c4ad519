"""Abyssale's sandbox speaks the vendor's contract: the official SDK takes each of its shapes."""

from datetime import datetime, timezone

import pytest
from abyssale import Abyssale, AbyssaleAPIError
from abyssale import models as sdk

from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.providers.abyssale.sandbox.client import design_of, get


def test_the_sdks_models_accept_every_shape(client: Abyssale, state: AbyssaleSandbox) -> None:
    # the SDK's strict models wrongly refuse a design without a project: known, so left out
    listed = [row for row in client.list_designs() if row.project_id]
    assert len(listed) == 39
    for row in listed:
        sdk.DesignListItem.model_validate(row.model_dump())
        sdk.DesignDetail.model_validate(client.get_design(str(row.id)).model_dump())
    assert client.verify_api_key().company
    for model, rows in (
        (sdk.ProjectSummary, client.list_projects()),
        (sdk.Font, client.list_fonts()),
        (sdk.WorkspaceTemplateCategory, client.list_workspace_template_categories()),
        (sdk.WorkspaceTemplate, client.list_workspace_templates()),
    ):
        assert rows
        assert all(model.model_validate(row.model_dump()) for row in rows)
    assert client.get_signing_secret().secret == client.get_signing_secret().secret


def test_each_type_of_design_has_its_own_shape(client: Abyssale, state: AbyssaleSandbox) -> None:
    animated = client.get_design(design_of(state, "animated").id)
    assert animated.animation is not None
    printed = client.get_design(design_of(state, "printer").id)
    assert printed.formats is not None
    assert printed.formats[0].dpi == 300
    pages = client.get_design(design_of(state, "printer_multipage").id)
    assert pages.formats is None
    assert pages.pages is not None
    assert pages.elements_per_page is not None
    assert {page.id for page in pages.pages} == set(pages.elements_per_page)
    title = pages.elements_per_page["page_1"][1]
    assert title.attributes is not None
    assert title.attributes["payload"].id == "payload"


def test_one_format_is_flat_and_multipage_designs_have_none(
    client: Abyssale, state: AbyssaleSandbox
) -> None:
    design = design_of(state, "static")
    for specifier in (design.formats[0].name, design.formats[0].uid):
        found = client.get_design_format(design.id, specifier)
        sdk.DesignFormatDetail.model_validate(found.model_dump())
        assert str(found.uid) == design.formats[0].uid
    with pytest.raises(AbyssaleAPIError) as error:
        client.get_design_format(design_of(state, "printer_multipage").id, "page_1")
    assert error.value.id == "format_not_found"


def test_the_advanced_view_has_groups_without_attributes(
    server: Sandbox, state: AbyssaleSandbox
) -> None:
    path = f"/designs/{design_of(state, 'static').id}"
    plain, advanced = get(server, path).json(), get(server, path, i="advanced").json()
    groups = [each for each in advanced["elements"] if each["type"] == "group"]
    assert len(groups) == 1
    assert "attributes" not in groups[0]
    assert "group" not in {each["type"] for each in plain["elements"]}


def test_the_sdk_sends_lists_and_dates_that_the_sandbox_reads(client: Abyssale) -> None:
    found = client.list_designs(
        type=["static", "animated"],
        updated_since=datetime(2020, 1, 1, tzinfo=timezone.utc),
        sort="updated",
        order="desc",
        page=1,
        per_page=5,
    )
    assert len(found) == 5
    assert [row.updated_at for row in found] == sorted(
        (row.updated_at for row in found), reverse=True
    )


def test_a_design_is_renamed_and_moved(client: Abyssale, state: AbyssaleSandbox) -> None:
    design = design_of(state, "static")
    assert client.rename_design(design.id, {"name": " New "}).name == "New"
    project = list(state.workspace.projects.values())[-1]
    client.move_design(design.id, {"project_id": project.id})
    assert state.designs[design.id].project == project
