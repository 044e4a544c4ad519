"""Requests from files: every kind gives the same, and nothing of a cell is lost."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from genai_orchestration.requests.file import Columns, read_requests
from genai_orchestration.requests.request import NewRequest
from genai_orchestration_tests.requests.reading import GENERATOR, IMAGES, OPERATIONS, read

Json = dict[str, Any]


def test_a_sheet_of_prompts_becomes_requests(tmp_path: Path) -> None:
    sheet = (
        "request_key,campaign,prompt,payload.image_count,payload.aspect_ratio,payload.style.tool\n"
        'bf-1,Black Friday,"a fox, red\nin snow",4,16:9,general\n'
        ",,2024,1,,\n"
    )
    first, second = read(tmp_path / "prompts.csv", sheet, GENERATOR)
    assert first == NewRequest(
        provider="magic_hour",
        operation="ai_image_generator",
        request_key="bf-1",
        campaign="Black Friday",
        payload={
            "image_count": 4,
            "aspect_ratio": "16:9",
            "style": {"tool": "general", "prompt": "a fox, red\nin snow"},
        },
    )
    assert second.payload == {"image_count": 1, "style": {"prompt": "2024"}}
    assert second.campaign is None


def test_a_sheet_from_a_person_is_understood(tmp_path: Path) -> None:
    sheet = "\ufeffPrompt text;Notes;Name \r\na fox;nice;f-1\r\n;;\r\nun renard;;f-2\r\n"
    mapping = {"Prompt text": "prompt", "Notes": "", "Name": "request_key"}
    taken = read(
        tmp_path / "sheet.csv",
        sheet,
        Columns(mapping=mapping, provider="imagine_api", campaign="autumn"),
    )
    assert [(each.request_key, each.payload, each.campaign) for each in taken] == [
        ("f-1", {"prompt": "a fox"}, "autumn"),
        ("f-2", {"prompt": "un renard"}, "autumn"),
    ]
    assert {each.operation for each in taken} == {"images_create"}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("4", 4),
        ("2.0", 2),
        ("0.5", 0.5),
        ("true", True),
        ('["a", "b"]', ["a", "b"]),
        ('{"a": {"b": 2.0}}', {"a": {"b": 2}}),
        ('"4"', "4"),
        # a number only where nothing of it is lost
        ("49.90", "49.90"),
        ("007", "007"),
        ("1e5", "1e5"),
        ("123456789012345678901", "123456789012345678901"),
        ("16:9", "16:9"),
        ("NaN", "NaN"),
        (" a ", " a "),
        ("[cinematic] a fox", "[cinematic] a fox"),
    ],
)
def test_a_cell_is_json_where_it_parses_and_nothing_is_lost(
    tmp_path: Path, cell: str, value: Any
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["prompt", "payload.x"], ["p", cell]])
    (request,) = read(tmp_path / "a.csv", text.getvalue(), IMAGES)
    assert request.payload == {"prompt": "p", "x": value}
    assert type(request.payload["x"]) is type(value)


def test_a_prompt_is_text_in_its_own_path_as_well(tmp_path: Path) -> None:
    (request,) = read(tmp_path / "a.csv", "payload.style.prompt\n2024\n", GENERATOR)
    assert request.payload == {"style": {"prompt": "2024"}}


def test_yaml_is_read_without_the_surprises_of_yaml_1_1(tmp_path: Path) -> None:
    text = """
- prompt: a fox
  request_key: yes-1
  payload: {image_count: 2, aspect_ratio: 16:9, name: no, style: {quality_mode: null}}
- prompt: on
  campaign: 2026-11-27
  payload.name: 0x1F
"""
    first, second = read(tmp_path / "requests.yaml", text, GENERATOR)
    assert first.payload == {
        "image_count": 2,
        "aspect_ratio": "16:9",
        "name": "no",
        "style": {"quality_mode": None, "prompt": "a fox"},
    }
    assert second.payload == {"style": {"prompt": "on"}, "name": "0x1F"}
    assert second.campaign == "2026-11-27"


@pytest.mark.parametrize("content", ["", "prompt\n", "prompt\n\n"])
def test_a_file_without_rows_asks_for_nothing(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "a.csv", content, IMAGES) == []


def test_a_made_key_follows_from_the_request_and_nothing_else(tmp_path: Path) -> None:
    sheet = "campaign,payload.name,prompt,payload.image_count\nx,n,a,2\n"
    (first,) = read(tmp_path / "a.csv", sheet, GENERATOR)
    line = '{"payload": {"image_count": 2.0, "style": {"prompt": "a"}, "name": "n"}}'
    (second,) = read(tmp_path / "b.jsonl", line, GENERATOR)
    assert first.payload == second.payload
    assert first.request_key == second.request_key
    assert first.request_key.startswith("auto-")
    (third,) = read(tmp_path / "b.jsonl", line.replace('"a"', '"b"'), GENERATOR)
    assert third.request_key != first.request_key


def test_parquet_gives_a_struct_without_the_fields_of_other_rows(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a", "payload": {"name": "n", "model": None}, "payload.image_count": 1.0},
        {"prompt": "b", "payload": {"name": None, "model": "krea-2"}, "payload.image_count": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    first, second = read_requests(tmp_path / "a.parquet", OPERATIONS, GENERATOR)
    assert first.payload == {"name": "n", "image_count": 1, "style": {"prompt": "a"}}
    assert second.payload == {"model": "krea-2", "style": {"prompt": "b"}}


TEXT = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
REQUESTS = st.builds(
    NewRequest,
    provider=st.just("magic_hour"),
    operation=st.sampled_from(["ai_image_generator", "ai_image_upscaler"]),
    payload=st.fixed_dictionaries(
        {"style": st.fixed_dictionaries({"prompt": TEXT})},
        optional={"name": TEXT, "image_count": VALUES},
    ),
    request_key=st.from_regex(r"k[A-Za-z0-9_-]{0,63}", fullmatch=True),
    campaign=st.none() | st.from_regex(r"[A-Za-z][A-Za-z ]{0,10}[a-z]", fullmatch=True),
)


def row_of(request: NewRequest) -> Json:
    """A request as a row with a prompt column, a path column, and the rest as JSON."""
    payload = dict(request.payload)
    row: Json = {
        "provider": request.provider,
        "operation": request.operation,
        "request_key": request.request_key,
        "campaign": request.campaign,
        "prompt": payload.pop("style")["prompt"],
    }
    if payload.get("image_count") is not None:
        row["payload.image_count"] = orjson.dumps(payload.pop("image_count")).decode()
    return {**row, "payload": orjson.dumps(payload).decode()}


@settings(deadline=None, max_examples=60)
@given(st.lists(REQUESTS, max_size=4, unique_by=lambda request: request.request_key))
def test_requests_come_back_from_every_kind_of_file(
    tmp_path_factory: pytest.TempPathFactory, asked: list[NewRequest]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    rows = [row_of(request) for request in asked]
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    pq.write_table(pa.table(columns), folder / "a.parquet")
    lines = [
        {
            "provider": request.provider,
            "operation": request.operation,
            "request_key": request.request_key,
            "campaign": request.campaign,
            "payload": request.payload,
        }
        for request in asked
    ]
    (folder / "a.jsonl").write_bytes(b"\n".join(orjson.dumps(line) for line in lines))
    (folder / "a.yaml").write_text(yaml.safe_dump(lines), encoding="utf-8")
    for kind in ("csv", "parquet", "jsonl", "yaml"):
        assert read_requests(folder / f"a.{kind}", OPERATIONS) == asked, kind


@pytest.mark.parametrize("kind", ["csv", "jsonl", "yaml", "parquet"])
def test_ten_thousand_rows_are_read(tmp_path: Path, kind: str) -> None:
    rows = [{"prompt": f"a fox, number {n}", "payload.image_count": "1"} for n in range(10_000)]
    path = tmp_path / f"many.{kind}"
    if kind == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue())
    elif kind == "jsonl":
        path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    elif kind == "yaml":
        path.write_text("".join(f"- {json.dumps(row)}\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    assert len(read_requests(path, OPERATIONS, GENERATOR)) == 10_000
