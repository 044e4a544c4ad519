"""`genai requests submit`: what is approved leaves once, and all that does not is told with why."""

from unittest.mock import create_autospec

import pytest

from genai_orchestration.providers.imagine_api.submission import ImagineApiSubmitter
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.support.command import genai, variable
from genai_orchestration_tests.support.paid import (
    SUBMIT,
    approve,
    image,
    lines,
    lose,
    lost,
    plan,
    posts,
    state,
    submitted,
)

pytestmark = pytest.mark.usefixtures("looked_up_at_once")


MAGIC = "magic_hour"


def test_what_is_approved_is_sent_once_and_the_rest_stays(sandbox: Sandbox) -> None:
    plan("wish")
    said = submitted("one", "two")
    assert (said.code, said.out) == (
        0,
        "Magic Hour: 2 submitted, 0 rejected, 0 unknown, 0 waiting.\n",
    )
    assert said.err == "Magic Hour: 2 approved requests.\n"
    assert (state("one"), state("wish"), posts(sandbox)) == ("submitted", "planned", 2)
    again = genai(*SUBMIT)
    assert (again.code, posts(sandbox)) == (0, 2)
    assert again.out == "Nothing is approved: genai requests plan shows what is planned.\n"


def test_a_provider_without_approved_requests_is_not_connected_to(sandbox: Sandbox) -> None:
    image("fox")
    submitted("one")
    assert {call.path.split("/")[1] for call in sandbox.traffic.calls} == {MAGIC}


def test_filters_choose_what_is_sent(sandbox: Sandbox) -> None:
    plan("one", {"image_count": 1, "style": {"prompt": "x"}}, "--campaign", "winter")
    plan("two")
    image("fox")
    approve()
    assert genai(*SUBMIT, "--campaign", "winter").out.startswith("Magic Hour: 1 submitted")
    assert genai(*SUBMIT, "--operation", "images_create").out.startswith("ImagineAPI: 1 submitted")
    assert [state(key) for key in ("one", "two", "fox")] == ["submitted", "approved", "submitted"]


def test_a_provider_without_a_key_says_so_and_the_others_go_on(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    image("fox")
    plan("one")
    approve()
    monkeypatch.delenv(variable("imagine_api", "api_key"))
    said = genai(*SUBMIT)
    assert said.code == 1
    first, why, second = said.out.splitlines()
    assert first == "ImagineAPI: 0 submitted, 0 rejected, 0 unknown, 1 waiting."
    assert why.strip().startswith("ImagineAPI has no API key: set api_key under [sources.imagine_")
    assert second.startswith("Magic Hour: 1 submitted")


def test_the_same_refusal_is_told_once_with_its_count(sandbox: Sandbox) -> None:
    for key in ("one", "two"):
        plan(key)
    approve()
    no = Fault(
        kind="status",
        status=422,
        body='{"message": "no sneakers"}',
        path="/magic_hour/v1/ai-",
        times=2,
    )
    sandbox.traffic.faults.append(no)
    said = genai(*SUBMIT)
    assert said.code == 1
    assert said.out.startswith(
        "Magic Hour: 0 submitted, 2 rejected, 0 unknown, 0 waiting.\n  2 times: "
    )
    assert said.out.count("no sneakers") == 1


def test_a_lost_answer_is_unknown_and_names_the_next_step(sandbox: Sandbox) -> None:
    plan("one")
    approve()
    lose(sandbox)
    said = genai(*SUBMIT)
    assert (said.code, "0 submitted, 0 rejected, 1 unknown, 0 waiting." in said.out) == (1, True)
    assert "genai requests show one shows" in said.out
    genai(*SUBMIT)
    assert (state("one"), posts(sandbox)) == ("unknown", 1)


def test_what_is_unknown_is_looked_up_even_when_nothing_is_approved(sandbox: Sandbox) -> None:
    image("fox")
    approve()
    lose(sandbox, "/imagine_api/items/images")
    with pytest.MonkeyPatch.context() as blind:
        find = create_autospec(ImagineApiSubmitter.find, return_value=None)
        blind.setattr(ImagineApiSubmitter, "find", find)
        genai(*SUBMIT)
    assert state("fox") == "unknown"
    assert genai(*SUBMIT).code == 0
    assert (state("fox"), posts(sandbox)) == ("submitted", 1)


def test_a_spent_budget_leaves_the_rest_approved_and_says_which_setting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(MAGIC, "credits_per_day"), "15")
    said = submitted("one", "two", "three")
    assert said.code == 1
    assert said.out.startswith("Magic Hour: 1 submitted, 0 rejected, 0 unknown, 2 waiting.\n")
    assert "raise credits_per_day in [sources.magic_hour_source]" in said.out
    (told,) = lines(*SUBMIT)
    assert (told["provider"], told["submitted"], told["waiting"]) == (MAGIC, [], 2)
    assert list(told["reasons"].values()) == [2]


def test_without_a_cap_nothing_leaves_for_an_address_that_is_not_local(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable(MAGIC, "api_key"), "a-key")
    monkeypatch.setenv(variable(MAGIC, "base_url"), "https://vendor.invalid")
    said = submitted("one")
    assert (said.code, state("one")) == (1, "approved")
    assert "set credits_per_day or credits_per_month in [sources.magic_hour_source]" in said.out


def test_no_wait_leaves_what_has_no_place_in_flight(sandbox: Sandbox) -> None:
    for number in range(5):
        image(f"fox-{number}")
    approve()
    said = genai(*SUBMIT, "--no-wait")
    assert said.out.startswith("ImagineAPI: 3 submitted, 0 rejected, 0 unknown, 2 waiting.\n")
    assert "3 of the 3 jobs in flight" in said.out
    assert genai(*SUBMIT, "--wait", "0").code == 1
    assert posts(sandbox) == 3
    assert genai(*SUBMIT, "--wait", "1", "--no-wait").usage == "Give either --no-wait or --wait."


def test_a_broken_cap_is_a_sentence_and_nothing_is_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(MAGIC, "credits_per_day"), "many")
    said = submitted("one")
    assert (said.code, posts(sandbox)) == (1, 0)
    assert "credits_per_day 'many' is not a whole number" in said.out


def test_what_is_unknown_from_before_is_told_again(sandbox: Sandbox) -> None:
    lost(sandbox, "one")
    said = submitted("two")
    assert said.code == 0
    counts, before = said.out.splitlines()
    assert counts == "Magic Hour: 1 submitted, 0 rejected, 0 unknown, 0 waiting."
    assert before == "  1 from before are still unknown: genai requests list --state unknown"
