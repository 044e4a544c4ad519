"""What a person is told of a request, and decides: show, resolve, abandon, retry."""

import json
import re
import shlex
from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import Said, genai
from genai_orchestration_tests.support.paid import (
    OTHER,
    aged,
    approve,
    image,
    lost,
    plan,
    posts,
    shown,
    state,
    submitted,
)

CREDITS = ("load", "magic_hour", "--table", "credits")


def copied(command: str, job: str = "cm-found") -> Said:
    """Run a command as it was printed, with the id of a job filled in."""
    program, *arguments = shlex.split(command)
    assert program == "genai"
    return genai(*(job if word == "ID" else word for word in arguments))


def test_an_unknown_request_is_explained_with_what_the_balance_did(sandbox: Sandbox) -> None:
    assert genai(*CREDITS).code == 0
    lost(sandbox, "fox")
    plan("dog", OTHER)
    approve("dog")
    assert genai("requests", "submit").code == 0
    assert genai(*CREDITS).code == 0
    words = genai("requests", "show", "fox").out
    assert "Nobody knows whether this request arrived at Magic Hour." in words
    assert re.search(r"It was sent 20..-..-.. ..:..:.. UTC, \d+ s ago, by ", words)
    assert "the answer was: Magic Hour answered 502" in words
    assert re.search(r"The balance was [\d,]+ credits .* and [\d,]+ .*: 15 less\.", words)
    assert "the ledger knows of 1 other request, for 5 credits. That leaves 10 credits" in words
    assert "this request is estimated at 10 credits" in words
    told = shown("fox")["explanation"]
    assert (told["spent"], told["other_credits"], told["unaccounted"]) == (15, 5, 10)


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        ((), "no reading of the balance before and after"),
        (("one",), "no reading of the balance after"),
    ],
)
def test_without_looks_at_the_balance_it_says_so(
    sandbox: Sandbox, looks: tuple[str, ...], words: str
) -> None:
    for _ in looks:
        genai(*CREDITS)
    lost(sandbox, "fox")
    said = genai("requests", "show", "fox").out
    assert words in said
    assert "genai load magic_hour takes one now" in said
    assert shown("fox")["explanation"]["spent"] is None


def test_a_provider_without_credits_has_no_balance_to_show(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genai_orchestration.submission.reconcile.LOOKS", (0.0,))
    image("fox")
    approve()
    sandbox.traffic.faults.append(Fault(kind="status", status=502, method="POST"))
    genai("requests", "submit")
    assert state("fox") == "unknown"
    assert "ImagineAPI publishes no balance" in genai("requests", "show", "fox").out


@pytest.mark.parametrize(("way", "ends"), [(0, "submitted"), (1, "abandoned"), (2, "abandoned")])
@pytest.mark.parametrize("key", ["fox", "-fox"])
def test_each_way_out_can_be_copied(sandbox: Sandbox, key: str, way: int, ends: str) -> None:
    plan(key) if key == "fox" else plan_dashed(key)
    approve("--", key)
    sandbox.traffic.faults.append(Fault(kind="status", status=502, path="/magic_hour/v1/ai-"))
    genai("requests", "submit")
    said = genai("requests", "show", "--json", "--", key)
    found = json.loads(said.out)
    assert found["state"] == "unknown"
    assert copied(found["explanation"]["ways_out"][way]).code == 0
    assert json.loads(genai("requests", "show", "--json", "--", key).out)["state"] == ends


def plan_dashed(key: str) -> None:
    order = ("requests", "add", "magic_hour", "ai_image_generator", f"--key={key}")
    assert genai(*order, "--payload", json.dumps(OTHER)).code == 0


def test_a_resolved_job_is_followed_and_what_never_arrived_costs_nothing(sandbox: Sandbox) -> None:
    lost(sandbox, "fox")
    lost(sandbox, "owl")
    said = genai("requests", "resolve", "fox", "--job", "cm-1")
    assert said.out == "fox is magic_hour's image_project cm-1, which is followed.\n"
    assert shown("fox")["job"]["job_id"] == "cm-1"
    assert genai("requests", "resolve", "owl", "--never-arrived").code == 0
    assert shown("owl")["credits_charged"] == 0
    taken = genai("requests", "resolve", "owl", "--job", "cm-1").sentence
    assert "belongs to the request fox" in taken
    assert genai("requests", "resolve", "owl", "--job", "cm-2").code == 0  # it turned up after all
    assert (state("owl"), shown("owl")["credits_charged"]) == ("submitted", None)


def test_one_job_is_not_the_answer_to_two_requests(sandbox: Sandbox) -> None:
    lost(sandbox, "fox")
    lost(sandbox, "owl")
    assert genai("requests", "resolve", "fox", "--job", "cm-1").code == 0
    said = genai("requests", "resolve", "owl", "--job", "cm-1").sentence
    assert "belongs to the request fox" in said
    assert state("owl") == "unknown"


@pytest.mark.parametrize(
    "options", [(), ("--job", "a", "--never-arrived"), ("--job", ""), ("--job", "a b")]
)
def test_a_resolution_is_one_of_two(options: tuple[str, ...]) -> None:
    assert "--job" in genai("requests", "resolve", "fox", *options).usage


def test_several_are_abandoned_and_one_that_cannot_be_is_told(sandbox: Sandbox) -> None:
    submitted("sent")
    lost(sandbox, "fox")
    plan("owl")
    said = genai("requests", "abandon", "fox", "sent", "nobody", "owl")
    assert said.code == 1
    assert said.out == "fox is abandoned; 10 credits are still counted.\nowl is abandoned.\n"
    assert said.err.count("\n") == 2
    assert '"nobody"' in said.err
    assert "The request sent is submitted and cannot be abandoned" in said.err


def test_what_was_sent_to_another_server_is_not_tried_again_here(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted("fox")
    sandbox.clock.advance(3600)
    address = sandbox.base_url("magic_hour")
    elsewhere = address.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__BASE_URL", elsewhere)
    said = genai("requests", "retry", "fox").sentence
    assert f"sent to {address} as " in said
    assert f"now configured: {elsewhere}" in said


def test_a_lost_answer_at_another_server_is_not_looked_up_here_and_says_so(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    image("fox")
    approve()
    gone = Fault(kind="status", status=502, path="/imagine_api/items/images", method="POST")
    sandbox.traffic.faults.append(gone)
    genai("requests", "submit")
    assert state("fox") == "unknown"
    address = sandbox.base_url("imagine_api")
    elsewhere = address.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__BASE_URL", elsewhere)
    with Ledger.open(Settings.load()) as ledger:
        aged(Settings.load(), "requests", submitting_at=timedelta(hours=1))
        record = ledger.request("fox")
    genai("requests", "submit")
    assert state("fox") == "unknown"
    assert f"The request fox was sent to {record.recipient}, now configured: {elsewhere}" in (
        caplog.text
    )
    assert f", to {record.recipient}, now configured: {elsewhere}; the answer was" in (
        genai("requests", "show", "fox").out
    )
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__BASE_URL", address)
    genai("requests", "submit")
    assert state("fox") == "submitted"  # it never arrived there, and was sent again there
    assert len([call for call in sandbox.traffic.calls if call.method == "POST"]) == 2


def test_a_retry_is_a_new_request_of_the_same_chain(sandbox: Sandbox) -> None:
    lost(sandbox, "fox")
    genai("requests", "abandon", "fox")
    assert genai("requests", "retry", "fox").out == "fox-retry2\n"
    assert genai("requests", "retry", "fox", "--approve").out == "fox-retry2\n"
    assert state("fox-retry2") == "approved"
    genai("requests", "abandon", "fox-retry2")
    assert genai("requests", "retry", "fox-retry2").out == "fox-retry3\n"
    for key in ("fox", "fox-retry2", "fox-retry3"):
        names = [each["request_key"] for each in shown(key)["attempts"]]
        assert names == ["fox", "fox-retry2", "fox-retry3"]
    assert "2. fox-retry2: abandoned <- this one" in genai("requests", "show", "fox-retry2").out
    assert posts(sandbox) == 1


def test_what_failed_by_its_own_words_is_not_retried(sandbox: Sandbox) -> None:
    plan("fox")
    approve()
    no = Fault(kind="status", status=422, body='{"message": "not allowed"}', method="POST")
    sandbox.traffic.faults.append(no)
    genai("requests", "submit")
    said = genai("requests", "retry", "fox").sentence
    assert "the same would fail again: change it" in said


def test_a_job_is_retried_once_it_is_stuck(sandbox: Sandbox, settings: Settings) -> None:
    submitted("fox")
    assert "cannot be retried" in genai("requests", "retry", "fox").sentence
    aged(settings, first_seen=timedelta(hours=2))
    assert genai("requests", "retry", "fox").out == "fox-retry2\n"


def test_a_signed_address_and_a_terminals_codes_are_not_shown() -> None:
    plan(
        "fox", {**OTHER, "style": {"prompt": "see https://a.example/p.png?sig=SECRET&w=1 \x1b[2J"}}
    )
    for said in (
        genai("requests", "show", "fox"),
        genai("requests", "show", "fox", "--json"),
        genai("requests", "list", "--json"),
    ):
        assert "https://a.example/p.png?" in said.out
        assert "SECRET" not in said.out
        assert "\x1b" not in said.out
