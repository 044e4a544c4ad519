"""The paid client over a real wire: what each refusal means, and that nothing is sent twice."""

import logging
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from genai_orchestration.providers.paid import Ambiguous, NotNow, PaidClient, Rejected
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.states import Failure
from genai_orchestration_tests.providers.paid_client import BODY, PATH, SECRET, client, refused
from genai_orchestration_tests.providers.vendor import saying

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, Failure.INVALID),
        (401, Failure.KEY),
        (402, Failure.OUT_OF_CREDITS),
        (403, Failure.PLAN),
        (404, Failure.KEY),
        (413, Failure.INVALID),
        (422, Failure.INVALID),
        (451, Failure.MODERATION),
    ],
)
def test_a_definite_no_is_told_in_the_vendors_words(status: int, failure: Failure) -> None:
    with saying(status=status, body=b'{"message": "in its own words"}', headers=JSON) as vendor:
        error = refused(Rejected, vendor.url)
    assert error.failure is failure
    assert f"answered {status} " in str(error)
    assert "in its own words" in str(error)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 451])
@pytest.mark.parametrize("body", [b"<html>blocked", b"", b"[]"])
def test_a_no_of_something_before_the_api_is_of_the_address_and_not_of_the_payload(
    status: int, body: bytes
) -> None:
    with saying(status=status, body=body) as vendor:
        assert refused(Rejected, vendor.url).failure is Failure.KEY
    assert len(vendor.calls) == 1


def test_what_is_too_large_for_something_before_the_api_is_of_the_payload() -> None:
    with saying(status=413, body=b"<html>Request Entity Too Large") as vendor:
        assert refused(Rejected, vendor.url).failure is Failure.INVALID


@pytest.mark.parametrize("status", [400, 422])
def test_what_is_wrong_with_a_request_comes_first_in_the_vendors_words(status: int) -> None:
    with saying(status=status, body=b'{"message": "No sneakers."}', headers=JSON) as vendor:
        assert str(refused(Rejected, vendor.url)).startswith("No sneakers: ")


@pytest.mark.parametrize("status", [405, 408, 409, 410, 418, 425, 499, 500, 502, 503, 504, 599])
def test_any_other_refusal_is_unclear(status: int) -> None:
    words = b'{"message": "we are sorry", "id": "unauthorized"}'
    with saying(status=status, body=words, headers=JSON) as vendor:
        text = str(refused(Ambiguous, vendor.url))
    assert f"Magic Hour answered {status} (we are sorry) instead of a job" in text
    assert "may have been carried out and paid for" in text
    assert len(vendor.calls) == 1


def test_a_server_in_trouble_is_unclear_whatever_its_words_mean_elsewhere() -> None:
    with saying(status=500, body=b'{"id": "template_not_found"}') as vendor:
        asked = client(vendor.url)
        with pytest.raises(Ambiguous):
            PaidClient(asked.reads, lambda answer: Failure.INVALID).post(PATH, BODY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_never_followed(status: int) -> None:
    with saying() as elsewhere:
        to = {"Location": f"{elsewhere.url}/{PATH}?session=in-private"}
        with saying(status=status, body=b"", headers=to) as vendor:
            text = str(refused(Ambiguous, vendor.url))
    assert f"It redirects to {elsewhere.url}/{PATH}: set base_url" in text
    assert "in-private" not in text
    assert "may have been carried out" in text
    assert (len(vendor.calls), elsewhere.calls) == (1, [])


def test_a_redirect_to_nowhere_is_unclear() -> None:
    with saying(status=301, body=b"", headers={"Location": "http://[broken"}) as vendor:
        refused(Ambiguous, vendor.url)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("sent", "wait"),
    [("2.654", 2.654), ("1700", 1700), ("0", 0), ("-3", 0), (None, None), ("soon", None)],
)
def test_a_rate_that_says_so_is_put_off_for_as_long_as_it_asks(
    sent: str | None, wait: float | None
) -> None:
    headers = JSON if sent is None else {**JSON, "Retry-After": sent}
    with saying(status=429, body=b'{"message": "slowly"}', headers=headers) as vendor:
        assert refused(NotNow, vendor.url).wait == wait
    assert len(vendor.calls) == 1


def test_a_rate_until_a_date_is_put_off_until_then() -> None:
    then = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=90), usegmt=True)
    with saying(status=429, body=b"{}", headers={"Retry-After": then}) as vendor:
        assert refused(NotNow, vendor.url).wait == pytest.approx(90, abs=5)


@pytest.mark.parametrize("body", [b"<html>Too many requests", b"", b"[]"])
def test_a_rate_of_nobody_knows_whom_is_unclear(body: bytes) -> None:
    with saying(status=429, body=body, headers={"Retry-After": "1"}) as vendor:
        refused(Ambiguous, vendor.url)
    assert len(vendor.calls) == 1


def test_nothing_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    words = f"Bad key: {SECRET}. See https://vendor.example/x?sig=in-private".encode()
    with caplog.at_level(logging.DEBUG), saying(body=b'{"message": "' + words + b'"}') as vendor:
        for status in (400, 401, 429, 500):
            vendor.status = status
            with pytest.raises(ProviderError, match=r"Bad key: \*\*\*\.") as caught:
                client(vendor.url).post(PATH, BODY)
            assert SECRET not in str(caught.value)
            assert "in-private" not in str(caught.value)
    assert "POST" in caplog.text
    assert SECRET not in caplog.text
    assert "in-private" not in caplog.text
