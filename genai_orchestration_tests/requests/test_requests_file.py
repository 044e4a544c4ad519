"""Requests from files: every kind gives the same, bad rows are all told, none is taken then."""

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

from genai_orchestration.providers import all_providers
from genai_orchestration.requests.file import BadRequests, Columns, read_requests
from genai_orchestration.requests.file_rows import UnreadableFile
from genai_orchestration.requests.request import NewRequest, operations_of

OPERATIONS = operations_of(all_providers())
GENERATOR = Columns(provider="magic_hour", operation="ai_image_generator")
IMAGES = Columns(provider="imagine_api")
Json = dict[str, Any]


def read(path: Path, content: str | bytes, columns: Columns | None = None) -> list[NewRequest]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_requests(path, OPERATIONS, columns)


def problems(path: Path, content: str, columns: Columns | None = None) -> list[tuple[int, str]]:
    with pytest.raises(BadRequests) as caught:
        read(path, content, columns)
    assert str(caught.value).startswith(f"Nothing was taken from {path.name}:\n")
    for problem in caught.value.problems:
        assert f"\n{path.name} row {problem.row}: {problem.message}" in str(caught.value)
    return [(problem.row, problem.message) for problem in caught.value.problems]


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


def test_yaml_makes_no_python_objects(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"a\.yaml is not what its name says"):
        read(tmp_path / "a.yaml", "- prompt: !!python/object/apply:os.getcwd []", IMAGES)


def test_all_bad_rows_are_told_with_their_numbers_and_nothing_is_taken(tmp_path: Path) -> None:
    sheet = (
        "provider,operation,request_key,prompt,payload,payload.style.tool\n"
        "imagine_api,images_create,ok-1,a,,\n"
        "imagine,images_create,,a,,\n"
        ",images_create,,a,,\n"
        "magic_hour,,,a,,\n"
        "imagine_api,,17,a,,\n"
        "imagine_api,,a b,a,,\n"
        "imagine_api,,null,a,,\n"
        "magic_hour,ai_image_upscaler,,a,[1],\n"
        "magic_hour,ai_image_upscaler,,a,{,\n"
        'magic_hour,ai_image_upscaler,,a,"{""style"": 1}",general\n'
        'magic_hour,ai_image_upscaler,,a,"{""style"": {""tool"": ""x""}}",general\n'
        'imagine_api,,,a,"{""prompt"": ""b""}",\n'
        "abyssale,,,a,,\n"
        "imagine_api,,ok-1,b,,\n"
        "imagine_api,,,a,,\n"
        "\n"
        "imagine_api,,,a,,\n"
        "imagine_api,,,a, comma,here,x\n"
    )
    found = problems(tmp_path / "prompts.csv", sheet)
    words = {
        3: "There is no paid operation 'images_create' of provider 'imagine'. There are:",
        4: "provider is missing",
        5: "operation is missing: magic_hour has ai_image_generator, ai_image_upscaler.",
        6: "request_key '17' reads as a number",
        7: "request_key 'a b' cannot be used: take 1 to 64 letters",
        8: "request_key 'null' reads as a number or a value",
        9: "payload is a list, but must be an object.",
        10: "payload is not JSON",
        11: "payload.style.tool lies in style, which is 1 by another cell.",
        12: "payload.style.tool is given twice",
        13: "payload.prompt is given twice",
        14: "this operation takes no prompt",
        15: "request_key 'ok-1' is the key of row 2 already.",
        18: "it asks the same as row 16",
        19: "7 cells under 6 columns: put a cell that has a comma into quotes.",
    }
    assert [row for row, _ in found] == list(words)
    for row, told in found:
        assert told.startswith(words[row]), told


@pytest.mark.parametrize(
    ("name", "content", "row", "words"),
    [
        ("a.csv", "promt\na\n", 1, "column 'promt' is not known"),
        ("a.csv", "sep=;\nprompt;campaign\na;b\n", 1, "the first row is sep=;, which is meant for"),
        ("a.csv", "Prompt\na\n", 1, "column 'Prompt' is not known: write it prompt."),
        ("a.csv", "Request Key,prompt\na,b\n", 1, "is not known: write it request_key."),
        (
            "a.csv",
            "Foxes of May,,\nprompt,campaign,\na,b,\n",
            1,
            "If it is a title, remove its row",
        ),
        ("a.jsonl", '{"prompt": "a", "prompt": "b"}', 1, "it has the field 'prompt' twice."),
        ("a.jsonl", '{"payload": {"x": {"n": 1, "n": 1}}}', 1, "it has the field 'n' twice."),
        ("a.csv", "prompt,payload..b\na,b\n", 1, "column 'payload..b' is not known"),
        ("a.csv", "prompt,prompt\na,b\n", 1, "the column 'prompt' is there twice."),
        ("a.csv", "prompt,\na,b\n", 2, "a cell has no column name above it."),
        ("a.csv", 'prompt\na\n"b\nc', 3, "check the quotes"),
        ("a.csv", 'prompt\n"a" b\n', 2, "check the quotes"),
        ("a.jsonl", '{"prompt": "a"}\n\n{"prompt": \n', 3, "not one JSON object"),
        ("a.jsonl", "[1]", 1, "not one JSON object, but no object."),
        ("a.jsonl", '{"prompt": "a"}\n{"promt": "a"}', 2, "column 'promt' is not known"),
        ("a.jsonl", '{"prompt": 5}', 1, "prompt is 5, but must be text: put it in quotes."),
        ("a.jsonl", '{"prompt": "a", "request_key": 17}', 1, "request_key is 17, but must be text"),
        ("a.yaml", "prompt: a", 1, "the file must be a list of requests"),
        ("a.yaml", "- a", 1, "not one JSON object"),
    ],
)
def test_a_bad_file_is_told_where_it_is_bad(
    tmp_path: Path, name: str, content: str, row: int, words: str
) -> None:
    assert [at for at, told in problems(tmp_path / name, content, IMAGES) if words in told] == [row]


def test_a_payload_without_end_is_told(tmp_path: Path) -> None:
    content = '{"payload": ' + '{"a": ' * 990 + "1" + "}" * 991
    told = problems(tmp_path / "a.jsonl", content, IMAGES)
    assert told == [(1, "its payload is nested too deep.")]
    with pytest.raises(UnreadableFile, match=r"a\.yaml has aliases"):
        read(tmp_path / "a.yaml", "- payload: &a {b: *a}", IMAGES)


def test_a_number_without_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"a\.yaml is not what its name says"):
        read(tmp_path / "a.yaml", f"- payload.x: {'9' * 5000}", IMAGES)


def test_a_mapped_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    columns = Columns(mapping={"Prompt text": "prompt", "Words": "prompt"}, provider="imagine_api")
    found = problems(tmp_path / "a.csv", "Prompt text\na\n", columns)
    assert found == [(1, "there is no column 'Words', which is mapped.")]
    both = problems(tmp_path / "a.csv", "Prompt text,Words\na,b\n", columns)
    assert both == [(1, "columns 'Prompt text' and 'Words' both mean prompt.")]


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"gone\.csv cannot be opened: No such file"):
        read_requests(tmp_path / "gone.csv", OPERATIONS)
    with pytest.raises(UnreadableFile, match=r"a\.xlsx is no kind of file that is read: \.csv"):
        read(tmp_path / "a.xlsx", "")
    with pytest.raises(UnreadableFile, match=r"a\.csv is not UTF-8: save it as CSV UTF-8"):
        read(tmp_path / "a.csv", "prompt\nWäsche".encode("latin-1"))
    with pytest.raises(UnreadableFile, match=r"a\.parquet is not what its name says"):
        read(tmp_path / "a.parquet", "prompt")


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


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be"])
def test_a_file_in_utf_16_gets_the_same_sentence_whatever_its_kind(
    tmp_path: Path, name: str, coding: str
) -> None:
    mark = "" if coding == "utf-16" else "\ufeff"
    with pytest.raises(UnreadableFile, match=rf"{name} is not UTF-8: save it as CSV UTF-8"):
        read(tmp_path / name, (mark + '{"prompt": "a"}\n').encode(coding), IMAGES)


@pytest.mark.parametrize("other", ["a fox ", "a  fox", "a\u00a0fox", " a fox"])
def test_rows_without_keys_that_differ_in_spaces_are_a_mistake(tmp_path: Path, other: str) -> None:
    [(row, words)] = problems(tmp_path / "a.csv", f"prompt\na fox\na dog\n{other}\n", IMAGES)
    assert row == 4
    assert words.startswith("it asks the same as row 2, but for spaces or the coding of letters:")
    keyed = f"prompt,request_key\na fox,one\n{other},two\n"
    assert len(read(tmp_path / "b.csv", keyed, IMAGES)) == 2


def test_rows_that_differ_in_the_coding_of_letters_are_a_mistake(tmp_path: Path) -> None:
    [(row, _)] = problems(tmp_path / "a.csv", "prompt\ncaf\u00e9\ncafe\u0301\ncafe\n", IMAGES)
    assert row == 3
