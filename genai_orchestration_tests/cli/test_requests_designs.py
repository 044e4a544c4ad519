"""Abyssale requests beside their designs: what the API would ignore in silence is told before."""

import json
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.abyssale.workspace import few_designs, load_tables, state
from genai_orchestration_tests.support import command
from genai_orchestration_tests.support.command import Said, genai
from genai_orchestration_tests.support.paid import lines, shown

GENERATE = ("requests", "add", "abyssale", "generation_requests")
ELSEWHERE = "0b6f6d0e-8a0e-4a38-9d0c-6b1f3f6f2a11"
ROWS = 10_000
NOTE = "Load abyssale first to have their layers checked and formats counted: genai load abyssale."


@pytest.fixture
def design(sandbox: Sandbox) -> str:
    """A static design with three formats, of a workspace with a few."""
    few_designs(sandbox)
    return next(d.id for d in state(sandbox).workspace.designs.values() if d.type == "static")


@pytest.fixture
def loaded(design: str, settings: Settings) -> str:
    """The same, in the warehouse."""
    load_tables(settings, "designs", "design_detail")
    return design


def add(design: str, key: str = "banner", **body: Any) -> Said:
    payload = json.dumps({"design_id": design, **body})
    return genai(*GENERATE, "--payload", payload, "--key", key)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"elements": {"titel": {"payload": "x"}}}, "elements.titel is not known: did you mean"),
        ({"elements": {"title": {"paylod": "x"}}}, "elements.title.paylod is not known"),
        ({"elements": {"vars": {"citty": "x"}}}, "elements.vars.citty is not known"),
        ({"template_format_names": ["ig-storry"]}, "template_format_names[0] 'ig-storry' is not"),
        ({"pages": {"page_1": {}}}, "pages is ignored"),
        ({"image_file_type": "mp4"}, "image_file_type is 'mp4', but a design of type static"),
    ],
)
def test_what_the_design_lacks_is_refused_and_nothing_is_recorded(
    loaded: str, body: dict[str, Any], words: str
) -> None:
    said = add(loaded, **body)
    assert said.code == 1
    assert f"banner: {words}" in said.err
    assert lines("requests", "list") == []


def test_an_id_in_capitals_is_the_same_design(loaded: str) -> None:
    assert "elements.titel is not known" in add(loaded.upper(), elements={"titel": {}}).err


def test_all_formats_are_counted_where_the_design_is_known(loaded: str) -> None:
    assert add(loaded).err == ""
    assert shown("banner")["price_estimate"] == 3


def test_a_design_that_is_not_loaded_is_a_note_and_no_mistake(loaded: str) -> None:
    said = add(ELSEWHERE)
    assert said.code == 0
    assert said.err == f"Note: Not in the warehouse: design {ELSEWHERE}, of 1 request. {NOTE}\n"
    assert NOTE in genai("requests", "plan").out
    assert lines("requests", "plan")[0]["notes"] == [said.err.strip().removeprefix("Note: ")]


def test_without_a_warehouse_everything_is_a_note(design: str, settings: Settings) -> None:
    said = add(design, elements={"titel": {}})
    assert (said.code, NOTE in said.err) == (0, True)
    assert not settings.warehouse.exists()
    assert shown("banner")["price_estimate"] is None


def test_what_was_planned_before_its_design_was_loaded_is_checked_and_priced_at_approval(
    design: str, settings: Settings
) -> None:
    add(design, "good")
    add(design, "bad", elements={"titel": {}})
    load_tables(settings, "designs", "design_detail")
    assert "bad: elements.titel is not known" in genai("requests", "plan").out
    refused = genai("requests", "approve", "--all")
    assert (refused.code, "bad: elements.titel" in refused.err) == (1, True)
    assert genai("requests", "approve", "good").code == 0
    assert (shown("good")["state"], shown("good")["price_estimate"]) == ("approved", 3)


def test_a_warehouse_that_does_not_answer_is_a_note(
    design: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_DESTINATION", "postgres")
    said = add(design)
    assert said.code == 0
    assert said.err.startswith("Note: designs are not looked up. The warehouse postgres is")


def test_other_providers_requests_do_not_open_the_warehouse(
    loaded: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_DESTINATION", "nonsense")
    order = ("requests", "add", "imagine_api", "images_create", "--prompt", "a fox")
    assert genai(*order).err == ""


def test_ten_thousand_banners_are_planned_and_priced(loaded: str, tmp_path: Path) -> None:
    file = tmp_path / "banners.jsonl"
    rows = [
        {"request_key": f"b-{n}", "payload": {"design_id": loaded, "elements": {"title": {}}}}
        for n in range(ROWS)
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    said = genai("requests", "import", str(file), "--provider", "abyssale")
    assert said.out.startswith("10,000 requests are planned")
    (told,) = lines("requests", "plan")
    assert (told["sound"], told["credits"]) == (ROWS, {"abyssale": 3 * ROWS})
    assert command.tables(Settings.load())["abyssale_data.design_detail"]
