"""ImagineAPI's paid POST before it is sent: what the server would do is known, offline."""

from bisect import bisect
from typing import Any

import pytest
from hypothesis import given

from genai_orchestration.providers.imagine_api import PROVIDER
from genai_orchestration.providers.imagine_api.operations import LARGEST_BODY, mistakes
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.providers.imagine_api.sandbox.client import Client
from genai_orchestration_tests.providers.payloads import odd_payloads

(CREATE,) = PROVIDER.operations
Json = dict[str, Any]


@pytest.mark.parametrize(
    "prompt", ["a cat --ar 16:9", "zwei Zeilen\nund \u00dc", "a \U0001f98a", "x" * 10_000, "null"]
)
def test_a_prompt_without_mistakes_is_taken_by_the_server(sandbox: Sandbox, prompt: str) -> None:
    assert CREATE.mistakes({"prompt": prompt}) == []
    answer = Client.of(sandbox).post({"prompt": prompt})
    assert (answer.status_code, answer.json()["data"]["prompt"]) == (200, prompt)


@pytest.mark.parametrize(
    ("payload", "words", "status"),
    [
        ({}, "prompt is missing: it must be text.", 400),
        ({"prompt": None}, "prompt is null, but must be text.", 400),
        ({"prompt": 7}, "prompt is 7, but must be text.", 500),
        ({"prompt": "a\0b"}, "prompt has a NUL character at place 2", 500),
        ({"prompt": "a", "promt": "b"}, "promt is not known: did you mean prompt?", 500),
        ({"prompt": "x" * LARGEST_BODY}, "the server takes 1048576.", 400),
        # taken, and paid for in vain
        ({"prompt": ""}, "prompt is '': a blank text would be paid for", 200),
        ({"prompt": " \n"}, "a blank text would be paid for", 200),
        ({"prompt": "a", "ref": "mine"}, "ref is not yours to give", 200),
    ],
)
def test_a_mistake_is_told_before_the_server_refuses_it_or_worse(
    sandbox: Sandbox, payload: Json, words: str, status: int
) -> None:
    assert [told for told in CREATE.mistakes(payload) if words in told]
    assert Client.of(sandbox).post(payload).status_code == status


def test_the_largest_prompt_without_mistakes_fits_into_a_body_with_its_reference(
    sandbox: Sandbox,
) -> None:
    sizes = range(1, LARGEST_BODY + 1)
    size = bisect(sizes, False, key=lambda size: bool(mistakes({"prompt": "x" * size})))
    assert mistakes({"prompt": "x" * (size + 1)})
    body = {"prompt": "x" * size, "ref": "k" * 64, "id": "9419cfe6-0000-4000-8000-000000000000"}
    assert Client.of(sandbox).post(body).status_code == 200


def test_an_image_counts_as_one_for_the_caps_as_there_are_no_credits() -> None:
    assert (CREATE.estimate({"prompt": "a"}), CREATE.model({"prompt": "a"})) == (1, "midjourney")


@given(odd_payloads("prompt", "ref", "id"))
def test_no_payload_is_too_odd(payload: Json) -> None:
    assert all(isinstance(told, str) for told in CREATE.mistakes(payload))
    assert CREATE.estimate(payload) == 1
