"""ImagineAPI's paid POST: what is sent, and what its answers and errors mean."""

import uuid

import pytest

from genai_orchestration.providers.paid import Ambiguous, NotNow, Rejected
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import Submitter
from genai_orchestration_tests.providers.imagine_api.account import emptied
from genai_orchestration_tests.providers.imagine_api.submitting import CREATE, FOX, fail, of, posts
from genai_orchestration_tests.providers.vendor import saying


def test_an_image_goes_out_with_its_key_as_ref_and_an_id_that_follows_from_it(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    account = emptied(sandbox)
    accepted = submitter.submit(CREATE, FOX, "fox-1")
    (image,) = account.images.values()
    assert (image.prompt, image.ref, image.id) == ("a fox", "fox-1", accepted.job_id)
    assert uuid.UUID(image.id).version == 5
    assert accepted.charged is None
    assert accepted.answer["data"]["status"] == "pending"
    assert submitter.find("fox-1", FOX) == [accepted.job_id]
    assert submitter.balance() is None


def test_two_customers_of_one_server_may_choose_the_same_key() -> None:
    one, other = of("http://127.0.0.1:1", "one"), of("http://127.0.0.1:1", "other")
    assert one.image_id("fox-1") == of("http://127.0.0.1:2", "one").image_id("fox-1")
    assert len({one.image_id("fox-1"), other.image_id("fox-1"), one.image_id("fox-2")}) == 3


def test_whether_there_is_a_ref_is_asked_once(sandbox: Sandbox, submitter: Submitter) -> None:
    for number in range(3):
        submitter.submit(CREATE, FOX, f"fox-{number}")
    assert [call.method for call in sandbox.traffic.calls] == ["GET", "POST", "POST", "POST"]


def test_a_server_without_ref_gets_none(sandbox: Sandbox, submitter: Submitter) -> None:
    account = emptied(sandbox)
    account.has_ref = False
    accepted = submitter.submit(CREATE, FOX, "fox-1")
    assert account.images[accepted.job_id].ref is None
    assert submitter.find("fox-1", FOX) == [accepted.job_id]


@pytest.mark.parametrize("body", [b'{"data": {}}', b'{"data": []}', b'{"data": {"id": true}}'])
def test_a_yes_without_an_id_is_unclear(body: bytes) -> None:
    with saying(body=body) as vendor:
        submitter = of(vendor.url)
        submitter.__dict__["_has_ref"] = True  # as asked before
        with pytest.raises(Ambiguous, match=r'gave no id.* The answer was: {"data": '):
            submitter.submit(CREATE, FOX, "fox-1")
    assert len(vendor.calls) == 1


def test_an_id_that_is_a_number_is_one() -> None:
    with saying(body=b'{"data": {"id": 7}}') as vendor:
        submitter = of(vendor.url)
        submitter.__dict__["_has_ref"] = True
        assert submitter.submit(CREATE, FOX, "fox-1").job_id == "7"


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (400, "FAILED_VALIDATION", Failure.INVALID),
        (400, "INVALID_PAYLOAD", Failure.INVALID),
        (401, "INVALID_CREDENTIALS", Failure.KEY),
        (403, "FORBIDDEN", Failure.KEY),
        (404, "ROUTE_NOT_FOUND", Failure.KEY),
        (429, "IMAGE_ERROR", Failure.OUT_OF_CREDITS),
    ],
)
def test_a_no_is_told_by_its_code(
    sandbox: Sandbox, submitter: Submitter, status: int, code: str, failure: Failure
) -> None:
    fail(sandbox, status=status, body=_error(code))
    with pytest.raises(Rejected, match="in Directus' words") as caught:
        submitter.submit(CREATE, FOX, "fox-1")
    assert caught.value.failure is failure
    assert posts(sandbox) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "REQUESTS_EXCEEDED", NotNow),
        (500, "INTERNAL_SERVER_ERROR", Ambiguous),
        (500, "IMAGE_ERROR", Ambiguous),
        (503, "SERVICE_UNAVAILABLE", Ambiguous),
        (400, "RECORD_NOT_UNIQUE", Ambiguous),
    ],
)
def test_what_is_not_a_no_is_not_taken_for_one(
    sandbox: Sandbox, submitter: Submitter, status: int, code: str, kind: type[ProviderError]
) -> None:
    fail(sandbox, status=status, body=_error(code), retry_after="2.654")
    with pytest.raises(kind) as caught:
        submitter.submit(CREATE, FOX, "fox-1")
    assert type(caught.value) is kind
    assert getattr(caught.value, "wait", 2.654) == 2.654
    assert posts(sandbox) == 1


def test_a_wrong_key_sends_nothing(sandbox: Sandbox) -> None:
    submitter = of(sandbox.base_url("imagine_api"), "wrong")
    with pytest.raises(NotNow, match="set api_key in"):
        submitter.submit(CREATE, FOX, "fox-1")
    assert posts(sandbox) == 0


@pytest.mark.parametrize("status", [301, 402, 403, 404])
def test_a_server_that_cannot_be_asked_about_ref_gets_nothing(
    sandbox: Sandbox, submitter: Submitter, status: int
) -> None:
    fail(sandbox, status=status, method="GET", times=2)
    with pytest.raises(NotNow):
        submitter.submit(CREATE, FOX, "fox-1")
    assert posts(sandbox) == 0
    sandbox.traffic.faults.clear()
    assert submitter.submit(CREATE, FOX, "fox-1").job_id  # what went wrong is not remembered


def _error(code: str) -> str:
    return (
        f'{{"errors": [{{"message": "in Directus\' words", "extensions": {{"code": "{code}"}}}}]}}'
    )
