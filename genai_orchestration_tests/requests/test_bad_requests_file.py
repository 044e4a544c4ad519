"""Files of requests with something wrong: bad rows are all told, and none is taken then."""

from pathlib import Path

import pytest

from genai_orchestration.requests.file import BadRequests, Columns, read_requests
from genai_orchestration.requests.file_rows import UnreadableFile
from genai_orchestration_tests.requests.reading import IMAGES, OPERATIONS, read


def problems(path: Path, content: str, columns: Columns | None = None) -> list[tuple[int, str]]:
    with pytest.raises(BadRequests) as caught:
        read(path, content, columns)
    assert str(caught.value).startswith(f"Nothing was taken from {path.name}:\n")
    for problem in caught.value.problems:
        assert f"\n{path.name} row {problem.row}: {problem.message}" in str(caught.value)
    return [(problem.row, problem.message) for problem in caught.value.problems]


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
