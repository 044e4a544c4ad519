"""`genai requests`: paid requests from a wish to an approval, and not one POST."""

import json
from pathlib import Path

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.support.command import genai, variable
from genai_orchestration_tests.support.paid import SNEAKER, approve, lines, plan

FOX = ("requests", "add", "imagine_api", "images_create", "--prompt", "a red fox", "--key", "fox-1")
SHEET = """Prompt text,request_key,campaign
a red fox in fresh snow,fox-1,winter
an owl at dusk,owl-1,winter
"""


def listed(*filters: str) -> list[dict[str, object]]:
    said = genai("requests", "list", "--json", *filters)
    return [json.loads(line) for line in said.out.splitlines()]


@pytest.fixture
def sheet(tmp_path: Path) -> str:
    file = tmp_path / "prompts.csv"
    file.write_text(SHEET)
    return str(file)


def imported(file: str) -> str:
    options = ("--provider", "imagine_api", "--column", "Prompt text=prompt")
    said = genai("requests", "import", file, *options)
    assert said.code == 0, said
    return said.out


def test_the_same_request_twice_is_planned_once() -> None:
    assert genai(*FOX).out.startswith("1 request is planned, 0 are there already.")
    assert genai(*FOX).out.startswith("0 requests are planned, 1 is there already.")
    (only,) = listed()
    assert (only["request_key"], only["state"]) == ("fox-1", "planned")
    assert only["payload"] == {"prompt": "a red fox"}


def test_a_key_that_stands_for_another_request_shows_the_difference() -> None:
    genai(*FOX)
    said = genai(*FOX[:-3], "a dog", *FOX[-2:])
    assert said.code == 1
    assert 'prompt: "a red fox" before, "a dog" now' in said.err


def test_a_sheet_of_prompts_is_planned_row_by_row_and_only_once(sheet: str) -> None:
    assert imported(sheet).startswith("2 requests are planned, 0 are there already.")
    assert imported(sheet).startswith("0 requests are planned, 2 are there already.")
    assert [each["campaign"] for each in listed()] == ["winter", "winter"]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ('{"image_count": 3, "style": {"prompt": "x"}, "model": "flux-2-klein"}', "image_count"),
        ('{"image_count": 1, "style": {"prompt": ""}}', "prompt"),
        ('{"image_count": 1, "style": {"prompt": "x"}, "colour": "red"}', "colour"),
        ("[1]", "payload"),
        ("{", "payload is not JSON"),
    ],
)
def test_mistakes_are_found_before_anything_is_recorded(payload: str, words: str) -> None:
    said = genai("requests", "add", "magic_hour", "ai_image_generator", "--payload", payload)
    assert said.code == 1
    assert words in said.err
    assert listed() == []


def test_an_unknown_operation_names_those_that_there_are() -> None:
    said = genai("requests", "add", "magic_hour", "text_to_video")
    assert "ai_image_upscaler" in said.sentence


def test_a_plan_tells_the_price_and_what_is_asked_for_twice() -> None:
    body = '{"image_count": 2, "style": {"prompt": "a sneaker"}, "model": "z-image-turbo"}'
    for key in ("one", "two"):
        order = ("requests", "add", "magic_hour", "ai_image_generator", "--payload", body)
        genai(*order, "--key", key)
    said = genai("requests", "plan").out
    assert "2 planned requests, 2 without a mistake." in said
    assert "magic_hour z-image-turbo: 2 requests, from 20 credits" in said
    assert "The same under 2 keys, and paid for each time: one, two" in said


def test_a_plan_tells_what_the_budget_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("one", "two", "three"):
        plan(key, SNEAKER, "--campaign", "winter")
    approve("one")
    assert "nothing is submitted: set credits_per_day" in genai("requests", "plan").out
    monkeypatch.setenv(variable("magic_hour", "credits_per_day"), "100")
    monkeypatch.setenv(variable("magic_hour", "campaigns__winter"), "25")
    said = genai("requests", "plan").out
    assert (
        "magic_hour may spend 100 credits for a day (credits_per_day): 0 are spent or reserved, "
        "100 are left.\n"
    ) in said
    assert "magic_hour may spend 25 credits for campaign winter (campaigns.winter): 0 are" in said
    assert "magic_hour: 1 of 1 approved and 1 of 2 planned requests fit.\n" in said
    (told,) = lines("requests", "plan")
    (budget,) = told["budget"]
    assert (told["requests"], told["credits"]) == (2, {"magic_hour": 20})
    assert [cap["left"] for cap in budget["caps"]] == [100, 25]
    assert (budget["approved"]["fit"], budget["planned"]["fit"]) == (1, 1)


def test_a_list_is_filtered_and_cut(sheet: str) -> None:
    imported(sheet)
    plan("sneaker")
    assert [each["request_key"] for each in listed("--provider", "magic_hour")] == ["sneaker"]
    assert len(listed("--campaign", "winter", "--operation", "images_create")) == 2
    assert len(listed("--limit", "1")) == 1
    assert listed("--failure", "moderation") == []
    header, *rows = genai("requests", "list").out.splitlines()
    assert header.split() == [
        "request",
        "state",
        "provider",
        "operation",
        "campaign",
        "credits",
        "why",
    ]
    assert len(rows) == 3


@pytest.mark.parametrize("command", ["list", "plan", "submit"])
def test_a_filter_that_nobody_has_is_a_sentence(command: str) -> None:
    said = genai("requests", command, "--provider", "midjourney").sentence
    assert said.startswith("There is no provider 'midjourney'.")
    said = genai("requests", command, "--operation", "magic").sentence
    assert said.startswith("There is no paid operation 'magic'. There are: generation_requests,")
    both = ("--operation", "images_create", "--provider", "magic_hour")
    assert "of provider 'magic_hour'" in genai("requests", command, *both).sentence


def test_keys_and_filters_do_not_go_together(sheet: str) -> None:
    imported(sheet)
    said = genai("requests", "approve", "fox-1", "--provider", "magic_hour")
    assert said.usage == "Filters go with --all; leave them out where you give keys."
    assert {each["state"] for each in listed()} == {"planned"}


def test_approval_and_giving_up_are_recorded_with_who_and_when(sheet: str) -> None:
    imported(sheet)
    assert genai("requests", "approve", "fox-1").out == "1 request is approved.\n"
    assert genai("requests", "approve", "--all").out == "1 request is approved.\n"
    assert {each["state"] for each in listed()} == {"approved"}
    assert genai("requests", "abandon", "owl-1").out == "owl-1 is abandoned.\n"
    shown = json.loads(genai("requests", "show", "owl-1", "--json").out)
    assert shown["state"] == "abandoned"
    assert shown["approved_by"]
    assert shown["decided_at"]
    assert [each["request_key"] for each in listed("--state", "approved")] == ["fox-1"]


def test_an_unknown_key_is_a_sentence() -> None:
    for command in ("show", "abandon", "approve"):
        assert '"nobody"' in genai("requests", command, "nobody").sentence


def test_nothing_here_is_sent(sandbox: Sandbox, sheet: str) -> None:
    imported(sheet)
    genai("requests", "plan")
    genai("requests", "approve", "--all")
    assert list(sandbox.traffic.calls) == []
