"""Magic Hour's paid POSTs: the bodies as sent, what is charged, what a refusal means."""

import json
from typing import Any

import pytest

from genai_orchestration.providers.base import Account
from genai_orchestration.providers.magic_hour import PROVIDER
from genai_orchestration.providers.magic_hour.operations import GENERATOR, UPSCALER
from genai_orchestration.providers.magic_hour.submission import MagicHourSubmitter
from genai_orchestration.providers.paid import Ambiguous, NotNow, Rejected
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import Submitter
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.providers.vendor import saying

FOX = {"image_count": 2, "model": "z-image-turbo", "style": {"prompt": "a fox"}}
HERO = {"scale_factor": 2, "assets": {"image_file_path": "https://cdn.example.com/hero.png"}}


@pytest.fixture
def submitter(sandbox: Sandbox) -> Submitter:
    assert PROVIDER.submitter
    return PROVIDER.submitter()


def of(base_url: str) -> MagicHourSubmitter:
    return MagicHourSubmitter(Account(api_key=KEY, base_url=base_url))


def refused(submitter: Submitter, payload: dict[str, Any]) -> Rejected:
    with pytest.raises(Rejected) as caught:
        submitter.submit(GENERATOR, payload, "k1")
    return caught.value


@pytest.mark.parametrize(
    ("operation", "path", "payload"),
    [(GENERATOR, "ai-image-generator", FOX), (UPSCALER, "ai-image-upscaler", HERO)],
)
def test_a_payload_goes_out_as_it_is(operation: str, path: str, payload: dict[str, Any]) -> None:
    with saying(body=b'{"id": "cm1", "credits_charged": 10, "frame_cost": 9}') as vendor:
        accepted = of(vendor.url).submit(operation, payload, "k1")
    assert vendor.calls == [("POST", f"/v1/{path}")]
    assert vendor.bodies == [payload]
    assert (accepted.job_id, accepted.charged) == ("cm1", 10)
    assert accepted.answer == {"id": "cm1", "credits_charged": 10, "frame_cost": 9}


@pytest.mark.parametrize(
    ("answer", "charged"),
    [
        ({"frame_cost": 9}, 9),
        ({"credits_charged": 0}, 0),
        ({"credits_charged": None}, None),
        ({"credits_charged": -1}, None),
        ({"credits_charged": "ten"}, None),
        ({"credits_charged": True}, None),
        ({}, None),
    ],
)
def test_what_is_charged_is_taken_as_it_is_told(
    answer: dict[str, Any], charged: int | None
) -> None:
    with saying(body=json.dumps({"id": "cm1", **answer}).encode()) as vendor:
        assert of(vendor.url).submit(GENERATOR, FOX, "k1").charged == charged


def test_the_sandbox_takes_both_and_its_balance_goes_down(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    before = submitter.balance()
    charged = [
        submitter.submit(GENERATOR, FOX, "k1").charged,
        submitter.submit(UPSCALER, HERO, "k2").charged,
    ]
    after = submitter.balance()
    assert before is not None
    assert after == before - sum(each or 0 for each in charged)
    assert sandbox.providers["magic_hour"].accepted == 2
    assert submitter.find("k1", {}) is None


def test_refusals_are_told_apart(sandbox: Sandbox, submitter: Submitter) -> None:
    vendor = sandbox.providers["magic_hour"]
    assert refused(submitter, {**FOX, "image_count": 0}).failure is Failure.INVALID  # 400
    assert refused(submitter, {**FOX, "image_count": 9}).failure is Failure.INVALID  # 422
    vendor.account.tier = "free"
    assert refused(submitter, {**FOX, "model": "nano-banana-pro", "image_count": 1}).failure is (
        Failure.PLAN
    )
    vendor.account.tier = "none"
    assert refused(submitter, FOX).failure is Failure.SUBSCRIPTION
    vendor.account.tier, vendor.credits = "pro", 1
    assert refused(submitter, FOX).failure is Failure.OUT_OF_CREDITS
    with pytest.raises(Rejected) as caught:
        MagicHourSubmitter(
            Account(api_key="wrong", base_url=sandbox.base_url("magic_hour"))
        ).submit(GENERATOR, FOX, "k1")
    assert caught.value.failure is Failure.KEY
    assert vendor.accepted == 0


@pytest.mark.parametrize(
    ("code", "failure", "of_the_account", "sentence"),
    [
        ("insufficient_credits", Failure.OUT_OF_CREDITS, True, "Top up the account's credits."),
        ("subscription_required", Failure.SUBSCRIPTION, True, "The account has no plan, and every"),
        ("plan_upgrade_required", Failure.PLAN, False, "and others may pass: change it, or"),
        ("another_one", Failure.OUT_OF_CREDITS, True, "Top up the account's credits."),
        (7, Failure.OUT_OF_CREDITS, True, "Top up the account's credits."),
    ],
)
def test_the_code_of_a_402_says_whom_it_concerns(
    code: object, failure: Failure, of_the_account: bool, sentence: str
) -> None:
    body = json.dumps({"code": code, "message": "no"}).encode()
    with saying(status=402, body=body) as vendor:
        no = refused(of(vendor.url), FOX)
    assert (no.failure, no.failure.of_the_account) == (failure, of_the_account)
    assert sentence in str(no)


def test_a_rate_is_put_off(sandbox: Sandbox, submitter: Submitter) -> None:
    sandbox.traffic.faults.append(Fault(kind="status", status=429))
    with pytest.raises(NotNow) as caught:
        submitter.submit(GENERATOR, FOX, "k1")
    assert caught.value.wait is None


@pytest.mark.parametrize("body", [b'{"credits_charged": 5}', b'{"id": ""}', b'{"id": false}'])
def test_a_yes_without_an_id_is_unclear(body: bytes) -> None:
    with saying(body=body) as vendor, pytest.raises(Ambiguous, match="gave no id"):
        of(vendor.url).submit(GENERATOR, FOX, "k1")
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"credits": null}', b'{"credits": "many"}'])
def test_a_balance_that_is_not_told_is_none(body: bytes) -> None:
    with saying(body=body) as vendor:
        assert of(vendor.url).balance() is None
