"""The details of Abyssale's designs: only those that changed are asked for, none is forgotten."""

from typing import Any

import orjson
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from genai_orchestration.errors import plain
from genai_orchestration.providers.abyssale import PROVIDER
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.abyssale.workspace import (
    asked_details,
    column,
    few_designs,
    load_tables,
    state,
)
from genai_orchestration_tests.providers.loading import select, without_waits

NUMBER = 4


@pytest.fixture
def designs(sandbox: Sandbox) -> list[str]:
    """The ids of the designs that are left in the workspace, one of each type but the last."""
    return few_designs(sandbox, NUMBER)


def load_details(settings: Settings) -> None:
    load_tables(settings, "designs", "design_detail")


def fail(sandbox: Sandbox, design: str, **fault: Any) -> None:
    path = f"/abyssale/designs/{design}"
    sandbox.traffic.faults.append(Fault(**{"kind": "status", "path": path, **fault}))


def test_details_are_one_row_each_with_json_columns(sandbox: Sandbox, settings: Settings) -> None:
    kept = few_designs(sandbox, 8)
    load_details(settings)
    assert column(settings, "design_detail", "id") == sorted(kept)
    names = "type, formats, elements, pages, elements_per_page, dpi, deleted"
    rows = select(settings, PROVIDER, f"SELECT {names} FROM {{design_detail}}")
    for kind, formats, elements, pages, elements_per_page, dpi, deleted in rows:
        printed = kind == "printer_multipage"
        assert (pages is None, elements_per_page is None, dpi is None) == (not printed,) * 3
        assert (formats is None, elements is None) == (printed, printed)
        assert deleted is None
        assert len(orjson.loads(pages or formats)) > 0
    assert {row[0] for row in rows} == {"static", "animated", "printer", "printer_multipage"}


def test_what_has_not_changed_is_not_asked_for_again(
    sandbox: Sandbox, settings: Settings, designs: list[str]
) -> None:
    load_details(settings)
    assert asked_details(sandbox) == sorted(designs)
    load_details(settings)
    assert asked_details(sandbox) == []
    assert column(settings, "design_detail", "id") == sorted(designs)


def test_a_touched_a_renamed_and_a_moved_design_are_asked_for_again(
    sandbox: Sandbox, settings: Settings, designs: list[str]
) -> None:
    workspace = state(sandbox)
    load_details(settings)
    asked_details(sandbox)

    workspace.touch(designs[0])
    load_details(settings)
    assert asked_details(sandbox) == [designs[0]]

    workspace.designs[designs[1]].name = "renamed without a new updated_at"
    load_details(settings)
    assert asked_details(sandbox) == [designs[1]]
    assert "renamed without a new updated_at" in column(settings, "design_detail", "name")

    workspace.designs[designs[2]].project = None
    load_details(settings)
    assert asked_details(sandbox) == [designs[2]]
    load_details(settings)
    assert asked_details(sandbox) == []


def test_a_deleted_design_disappears_from_both_tables(
    sandbox: Sandbox, settings: Settings, designs: list[str]
) -> None:
    load_details(settings)
    state(sandbox).remove_design(designs[0])
    load_details(settings)
    for table in ("designs", "design_detail"):
        assert column(settings, table, "id") == sorted(designs[1:])


@pytest.mark.parametrize("fault", [{"status": 500, "times": 5}, {"status": 403}])
def test_details_of_a_load_that_failed_are_asked_for_again(
    sandbox: Sandbox,
    settings: Settings,
    designs: list[str],
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
) -> None:
    without_waits(monkeypatch)
    load_details(settings)
    for id in designs[:2]:
        state(sandbox).touch(id, name=f"new {id}")
    fail(sandbox, designs[0], **fault)
    with pytest.raises(PipelineStepFailed) as caught:
        load_details(settings)
    assert isinstance(plain(caught.value), ProviderError)
    assert not [name for name in column(settings, "design_detail", "name") if "new" in str(name)]

    asked_details(sandbox)
    load_details(settings)
    assert asked_details(sandbox) == sorted(designs[:2])
    assert f"new {designs[0]}" in column(settings, "design_detail", "name")


def test_a_design_that_vanishes_after_it_was_listed_is_left_out_this_time(
    sandbox: Sandbox, settings: Settings, designs: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    fail(sandbox, designs[0], status=404, body='{"id": "template_not_found"}')
    load_details(settings)
    assert f"{designs[0]} is left out" in caplog.text
    assert column(settings, "design_detail", "id") == sorted(designs[1:])
    asked_details(sandbox)
    load_details(settings)
    assert asked_details(sandbox) == [designs[0]]


def test_details_that_the_warehouse_lost_are_asked_for_again(
    sandbox: Sandbox, settings: Settings, designs: list[str]
) -> None:
    load_details(settings)
    asked_details(sandbox)
    select(settings, PROVIDER, "DELETE FROM {design_detail} WHERE true")
    load_details(settings)
    assert asked_details(sandbox) == sorted(designs)
