"""Abyssale's paid POST: which path and body, what its errors mean, and the balance."""

import json
from typing import Any

import pytest

from genai_orchestration.providers.abyssale import PROVIDER
from genai_orchestration.providers.abyssale.sandbox.designs import Design
from genai_orchestration.providers.abyssale.submission import AbyssaleSubmitter
from genai_orchestration.providers.base import Account
from genai_orchestration.providers.paid import Ambiguous, NotNow, Rejected
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import UNLIMITED, Submitter
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.providers.abyssale.workspace import state
from genai_orchestration_tests.providers.loading import without_waits
from genai_orchestration_tests.providers.vendor import saying

GENERATE = "generation_requests"
DESIGN = "0b6f6d0e-8a0e-4a38-9d0c-6b1f3f6f2a11"


@pytest.fixture
def submitter(sandbox: Sandbox) -> Submitter:
    assert PROVIDER.submitter
    return PROVIDER.submitter()


def of(base_url: str) -> AbyssaleSubmitter:
    return AbyssaleSubmitter(Account(api_key="key", base_url=base_url))


def design(sandbox: Sandbox, kind: str, *, in_plan: bool = True) -> Design:
    designs = state(sandbox).designs.values()
    return next(each for each in designs if each.type == kind and each.in_plan is in_plan)


def refused(submitter: Submitter, **payload: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        submitter.submit(GENERATE, {"design_id": DESIGN, **payload}, "k1")
    return caught.value


def test_a_generation_request_makes_the_formats_it_names(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    chosen = design(sandbox, "static")
    payload = {"design_id": chosen.id, "template_format_names": [chosen.formats[0].name]}
    accepted = submitter.submit(GENERATE, payload, "k1")
    (made,) = state(sandbox).studio.generations.values()
    assert (accepted.job_id, len(made.banners)) == (made.id, 1)
    assert accepted.charged is None
    assert accepted.answer["version"].startswith("v")
    assert [call.path for call in sandbox.traffic.calls] == [
        f"/abyssale/async/banner-builder/{chosen.id}/generate"
    ]
    assert submitter.find("k1", {}) is None


def test_the_design_goes_into_the_path_and_all_else_into_the_body() -> None:
    body = {"elements": {"title": {"payload": "-40% é"}}, "gif": {"max_fps": 9}}
    with saying(body=b'{"generation_request_id": "g1"}') as vendor:
        accepted = of(vendor.url).submit(GENERATE, {"design_id": DESIGN, **body}, "k1")
    assert vendor.bodies == [body]
    assert vendor.calls == [("POST", f"/async/banner-builder/{DESIGN}/generate")]
    assert (vendor.received[0]["x-api-key"], accepted.job_id) == ("key", "g1")


def test_pages_make_one_pdf_on_a_path_of_their_own(sandbox: Sandbox, submitter: Submitter) -> None:
    chosen = design(sandbox, "printer_multipage")
    submitter.submit(GENERATE, {"design_id": chosen.id, "pages": {"page_1": {}}}, "k1")
    assert sandbox.traffic.calls[-1].path.endswith(f"/{chosen.id}/generate-multipage-pdf")
    assert state(sandbox).accepted == 1


@pytest.mark.parametrize("wrong", ["../../auth", "", "hero", None])
def test_a_design_that_is_no_uuid_is_refused_before_anything_is_sent(
    sandbox: Sandbox, submitter: Submitter, wrong: object
) -> None:
    assert refused(submitter, design_id=wrong).failure is Failure.INVALID
    assert list(sandbox.traffic.calls) == []


def test_the_three_refusals_with_429_are_told_apart(sandbox: Sandbox, submitter: Submitter) -> None:
    outside = design(sandbox, "animated", in_plan=False)
    assert refused(submitter, design_id=outside.id).failure is Failure.PLAN
    state(sandbox).studio.generation_credits.limit = 0
    static = design(sandbox, "static")
    assert refused(submitter, design_id=static.id).failure is Failure.OUT_OF_CREDITS
    state(sandbox).gateway_limit = 0
    with pytest.raises(NotNow) as caught:
        submitter.submit(GENERATE, {"design_id": static.id}, "k1")
    assert caught.value.wait == 1.0
    assert state(sandbox).accepted == 0


def test_a_rate_with_a_wait_is_put_off_for_as_long_as_it_says(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    said = {"id": "request_rate_limited", "message": "Slow down."}
    _fail(sandbox, said, status=429, retry_after="1659")
    with pytest.raises(NotNow, match="Slow down") as caught:
        submitter.submit(GENERATE, {"design_id": DESIGN}, "k1")
    assert caught.value.wait == 1659


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (400, "invalid_payload", Failure.INVALID),
        (400, "invalid_filetype", Failure.INVALID),
        (401, "unauthorized", Failure.KEY),
        (404, "template_not_found", Failure.INVALID),
        (404, "format_not_found", Failure.INVALID),
        (404, "visual_not_found", Failure.INVALID),
        (404, "endpoint_not_found", Failure.KEY),
        (429, "feature_not_in_plan", Failure.PLAN),
    ],
)
def test_a_no_is_told_by_its_id(
    sandbox: Sandbox, submitter: Submitter, status: int, code: str, failure: Failure
) -> None:
    _fail(sandbox, {"id": code, "message": "in Abyssale's words"}, status=status)
    error = refused(submitter)
    assert error.failure is failure
    assert "in Abyssale's words" in str(error)
    assert len(sandbox.traffic.calls) == 1


@pytest.mark.parametrize("code", ["internal_error", "feature_not_in_plan", "template_not_found"])
def test_a_server_in_trouble_is_unclear_whatever_its_id(
    sandbox: Sandbox, submitter: Submitter, code: str
) -> None:
    _fail(sandbox, {"id": code, "message": "10 s are over"}, status=500)
    with pytest.raises(Ambiguous, match="10 s are over"):
        submitter.submit(GENERATE, {"design_id": DESIGN}, "k1")


@pytest.mark.parametrize("answer", [{}, {"generation_request_id": None}, {"id": "x"}])
def test_a_yes_without_an_id_is_unclear(answer: dict[str, Any]) -> None:
    no_id = pytest.raises(Ambiguous, match="gave no generation_request_id")
    with saying(body=json.dumps(answer).encode()) as vendor, no_id:
        of(vendor.url).submit(GENERATE, {"design_id": DESIGN}, "k1")
    assert len(vendor.calls) == 1


def test_the_balance_is_what_is_available_and_extra(sandbox: Sandbox, submitter: Submitter) -> None:
    credits = state(sandbox).studio.generation_credits
    assert submitter.balance() == 6200
    credits.extra = 50
    assert submitter.balance() == 6250
    credits.limit = None
    assert submitter.balance() == UNLIMITED


@pytest.mark.parametrize("pool", [b"7", b"{}", b"null"])
def test_a_balance_of_another_shape_is_an_error_in_words(
    pool: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waits(monkeypatch)
    wrong = pytest.raises(Unavailable, match="another shape")
    with saying(body=b'{"generation_credits": ' + pool + b"}") as vendor, wrong:
        of(vendor.url).balance()  # and not unlimited


def _fail(sandbox: Sandbox, said: dict[str, str], **fault: Any) -> None:
    sandbox.traffic.faults.append(
        Fault(**{"kind": "status", "path": "/abyssale", "body": json.dumps(said), **fault})
    )
