"""A record is one row, whatever the case of its id, and however often a list repeats it."""

import json
from typing import Any

import pytest

from genai_orchestration.providers.abyssale import PROVIDER as ABYSSALE
from genai_orchestration.providers.abyssale import abyssale_source
from genai_orchestration.providers.imagine_api import PROVIDER as IMAGINE_API
from genai_orchestration.providers.imagine_api import imagine_api_source
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.loading import calls, load, read, select

ID = "0b6f6d0e-8a0e-4a38-9d0c-6b1f3f6f2a11"
OTHER = "c2a7b6f4-1f3b-4c53-8f53-0a8f6f9d7e20"
PROJECT = "5f0c1f52-7a57-11f0-8de9-0242ac120002"


def answer(sandbox: Sandbox, path: str, body: Any) -> None:
    fault = Fault(kind="status", path=path, status=200, body=json.dumps(body))
    sandbox.traffic.faults.append(fault)


@pytest.mark.parametrize("table", ["designs", "projects", "fonts"])
def test_a_snapshot_has_each_key_once_as_it_was_read_last(
    table: str, sandbox: Sandbox, settings: Settings
) -> None:
    records = [{"id": OTHER, "name": "other"}, {"id": ID, "name": "old"}, {"id": ID, "name": "new"}]
    answer(sandbox, f"/abyssale/{table}", [*records, {"id": OTHER.upper(), "name": "Other"}])
    load(settings, ABYSSALE, abyssale_source().with_resources(table))
    rows = select(settings, ABYSSALE, f"SELECT id, name FROM {{{table}}} ORDER BY id")
    assert rows == [(ID, "new"), (OTHER, "Other")]


def test_ids_and_what_points_to_them_are_stored_in_lower_case(
    sandbox: Sandbox, settings: Settings
) -> None:
    design = {
        "id": ID.upper(),
        "updated_at": 1795132801,
        "name": "x",
        "project_id": PROJECT.upper(),
    }
    answer(sandbox, "/abyssale/designs", [design])
    answer(sandbox, "/abyssale/designs/", {**design, "template_id": ID.upper()})
    load(settings, ABYSSALE, abyssale_source().with_resources("design_detail"))
    sql = "SELECT id, template_id, project_id FROM {design_detail}"
    assert select(settings, ABYSSALE, sql) == [(ID, ID, PROJECT)]
    answer(sandbox, "/abyssale/designs", [{**design, "id": ID, "project_id": PROJECT}])
    sandbox.traffic.calls.clear()
    load(settings, ABYSSALE, abyssale_source().with_resources("design_detail"))
    assert calls(sandbox, "/abyssale") == ["/abyssale/designs"]  # unchanged, so not asked for again
    assert select(settings, ABYSSALE, sql) == [(ID, ID, PROJECT)]


def test_an_image_is_one_row_in_whatever_case_its_id_comes(
    sandbox: Sandbox, settings: Settings
) -> None:
    image = {
        **dict.fromkeys(("prompt", "url", "upscaled_urls")),
        **{"id": ID.upper(), "date_created": "2026-11-20T04:52:53.166Z", "status": "pending"},
    }
    for sent in (image, {**image, "id": ID, "status": "completed"}):
        answer(sandbox, "/imagine_api/items/images", {"data": [sent]})
        load(settings, IMAGINE_API, imagine_api_source(ids=[ID]).with_resources("images"))
    sql = "SELECT id, status FROM {images}"
    assert select(settings, IMAGINE_API, sql) == [(ID, "completed")]


def test_an_id_given_in_capitals_is_found_and_not_called_absent(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    (first, *_) = read(imagine_api_source(), "images")
    rows = read(imagine_api_source(ids=[first["id"].upper(), first["id"]]), "images")
    assert [row["id"] for row in rows] == [first["id"]]
    assert "no such image" not in caplog.text


def test_an_undeclared_number_beyond_64_bits_keeps_its_digits(
    sandbox: Sandbox, settings: Settings
) -> None:
    font = {"id": ID, "name": "Mono", "seed": 2**70, "more": {"seeds": [-(2**65), 1.5]}}
    answer(sandbox, "/abyssale/fonts", [font])
    load(settings, ABYSSALE, abyssale_source().with_resources("fonts"))
    ((seed, more),) = select(settings, ABYSSALE, "SELECT seed, more FROM {fonts}")
    assert seed == str(2**70)
    assert json.loads(more) == font["more"]
