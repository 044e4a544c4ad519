"""What a plan says before any money is spent: mistakes, duplicates, costs."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genai_orchestration.providers import all_providers
from genai_orchestration.requests.plan import Cost, RequestPlan, plan
from genai_orchestration.requests.request import NewRequest, key_mistake, made_key, operations_of

OPERATIONS = operations_of(all_providers())
DESIGN = "0b6f6d0e-8a0e-4a38-9d0c-6b1f3f6f2a11"


def image(key: str, model: str = "krea-2", count: Any = 1, prompt: str = "a fox") -> NewRequest:
    return NewRequest(
        provider="magic_hour",
        operation="ai_image_generator",
        payload={"model": model, "image_count": count, "style": {"prompt": prompt}},
        request_key=key,
    )


def banner(key: str, *formats: str) -> NewRequest:
    payload = {"design_id": DESIGN, "template_format_names": list(formats)}
    return NewRequest(
        provider="abyssale", operation="generation_requests", payload=payload, request_key=key
    )


def planned(*requests: NewRequest) -> RequestPlan:
    return plan(requests, OPERATIONS)


def test_sound_requests_are_counted_and_priced_by_provider_and_model() -> None:
    made = planned(
        image("a", "krea-2"),
        image("b", "nano-banana", 4),
        image("c", "nano-banana", 2),
        image("d", "seedream"),
        banner("e", "ig-story", "facebook-feed"),
        banner("f"),
    )
    assert (made.count, len(made.sound), made.mistakes) == (6, 6, {})
    assert made.costs == (
        Cost(provider="abyssale", model=DESIGN, requests=2, credits=2, unpriced=1),
        Cost(provider="magic_hour", model="krea-2", requests=1, credits=10, unpriced=0),
        Cost(provider="magic_hour", model="nano-banana", requests=2, credits=300, unpriced=0),
        Cost(provider="magic_hour", model="seedream", requests=1, credits=0, unpriced=1),
    )
    assert made.credits == {"abyssale": 2, "magic_hour": 310}
    assert made.unpriced == 2


def test_the_key_of_a_retry_may_be_longer_than_anybodys() -> None:
    key = "k" * 64 + "-retry2"
    assert planned(image(key)).mistakes
    assert plan([image(key)], OPERATIONS, made_keys={key}).mistakes == {}


def test_a_request_with_mistakes_is_told_by_its_key_and_costs_nothing() -> None:
    made = planned(image("good"), image("many", count=3), image("many-2", "krea-3", "x"))
    assert list(made.mistakes) == ["many", "many-2"]
    assert made.mistakes["many"] == ("image_count is 3, but krea-2 takes 1.",)
    assert len(made.mistakes["many-2"]) == 2
    assert (made.count, len(made.sound), made.credits) == (3, 1, {"magic_hour": 10})


def test_the_same_payload_under_another_key_is_a_duplicate_that_is_paid_for() -> None:
    made = planned(image("a"), image("b", prompt="a dog"), image("c"), image("d"))
    assert made.duplicates == (("a", "c", "d"),)
    assert made.credits == {"magic_hour": 40}


@pytest.mark.parametrize("prompts", [("a fox", "a fox ", "a  fox"), ("caf\u00e9", "cafe\u0301")])
def test_spaces_and_the_coding_of_letters_make_no_other_request(prompts: Sequence[str]) -> None:
    made = planned(*(image(f"r-{n}", prompt=prompt) for n, prompt in enumerate(prompts)))
    assert made.duplicates == (tuple(f"r-{n}" for n in range(len(prompts))),)


@pytest.mark.parametrize(
    "error", ["#NAME?", "#REF!", "#VALUE!", "#N/A", "#DIV/0!", " #ref! ", "#NULL!", "#NUM!"]
)
def test_the_error_of_a_formula_is_a_mistake_wherever_it_stands(error: str) -> None:
    made = planned(image("a", prompt=error), image("b", prompt=f"a sign that says {error}"))
    assert list(made.mistakes) == ["a"]
    assert made.mistakes["a"][0].startswith(f"style.prompt is {error.strip()}, the error of a")
    body = {"design_id": str(uuid.uuid4()), "elements": {"title": {"payload": error}}}
    banner = NewRequest(
        provider="abyssale", operation="generation_requests", payload=body, request_key="c"
    )
    assert "elements.title.payload is #" in planned(banner).mistakes["c"][0]


def test_one_key_for_two_requests_is_a_mistake_of_both() -> None:
    made = planned(image("a"), image("a", prompt="a dog"))
    assert made.mistakes["a"][0] == "request_key 'a' names 2 requests: give each its own."
    assert made.sound == ()


def test_an_operation_that_nobody_has_is_a_mistake() -> None:
    request = NewRequest(provider="magic_hour", operation="magic", payload={}, request_key="a")
    made = planned(request)
    assert made.mistakes["a"][0].startswith(
        "There is no paid operation 'magic' of provider 'magic_hour'. There are: abyssale gene"
    )


def test_an_empty_plan_asks_for_nothing() -> None:
    made = planned()
    assert (made.count, made.costs, made.credits, made.duplicates) == (0, (), {}, ())


def test_the_order_of_a_payloads_fields_makes_no_other_key() -> None:
    first = made_key("p", "o", {"a": 1, "b": {"c": 2, "d": 3}})
    assert first == made_key("p", "o", {"b": {"d": 3, "c": 2}, "a": 1})
    assert first != made_key("p", "other", {"a": 1, "b": {"c": 2, "d": 3}})
    assert key_mistake(first) is None


@given(st.text())
def test_a_key_is_good_only_when_every_provider_finds_it_again(key: str) -> None:
    if key_mistake(key) is None:
        assert key.isascii()
        assert 1 <= len(key) <= 64
        assert not key.isdigit()


def test_keys_that_spreadsheets_or_searches_rewrite_are_refused() -> None:
    for key in ("17", "0017", "1e5", "-3", "null", "True", "a.b", "", "x" * 65, "k\n"):
        assert key_mistake(key), key
    for key in ("bf-17", "r_1", "2026-11-27", "x" * 64):
        assert key_mistake(key) is None, key
