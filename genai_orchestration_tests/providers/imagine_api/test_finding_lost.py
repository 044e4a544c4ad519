"""ImagineAPI's paid POST whose answer is lost: which image is its own, and what proves nothing."""

import pytest

from genai_orchestration.providers.imagine_api.jobs import is_of
from genai_orchestration.providers.imagine_api.submission import RECORDS_READ
from genai_orchestration.providers.paid import Ambiguous, Rejected
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import Submitter
from genai_orchestration_tests.providers.imagine_api.account import emptied
from genai_orchestration_tests.providers.imagine_api.submitting import (
    CREATE,
    FOX,
    fail,
    post,
    posts,
)


def test_a_request_that_is_there_already_is_found_and_not_made_again(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    account = emptied(sandbox)
    fail(sandbox, kind="reset")
    for _ in range(2):
        with pytest.raises(Ambiguous):
            submitter.submit(CREATE, FOX, "fox-1")
    assert submitter.find("fox-1", FOX) == list(account.images)
    assert (posts(sandbox), len(account.images)) == (2, 1)


def test_what_is_not_there_is_not_found(sandbox: Sandbox, submitter: Submitter) -> None:
    submitter.submit(CREATE, FOX, "fox-1")
    assert submitter.find("fox-2", FOX) == []
    assert submitter.find("fox", FOX) == []
    assert submitter.find("FOX-1", FOX) == []


def test_a_server_that_makes_its_own_ids_is_searched_by_ref_oldest_first(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    emptied(sandbox)
    made = []
    for _ in range(3):
        made.append(post(sandbox, prompt="a fox", ref="fox-1"))
        sandbox.clock.advance(1)
    found = submitter.find("fox-1", FOX)
    assert found is not None
    assert list(found) == made[: len(found)]


def test_our_own_id_counts_more_than_an_older_ref_of_somebody_else(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    emptied(sandbox)
    for _ in range(3):
        post(sandbox, prompt="another fox", ref="fox-1")
        sandbox.clock.advance(1)
    accepted = submitter.submit(CREATE, FOX, "fox-1")
    assert submitter.find("fox-1", FOX) == [accepted.job_id]


def test_a_server_without_ref_proves_nothing_the_key_may_have_been_another(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    account = emptied(sandbox)
    account.has_ref = False
    post(sandbox, prompt="somebody's")
    submitter.submit(CREATE, FOX, "fox-2")
    assert submitter.find("fox-1", FOX) is None


def test_an_image_of_another_prompt_is_somebody_elses_whatever_its_ref(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    emptied(sandbox)
    post(sandbox, prompt="a wolf", ref="fox-1")
    assert submitter.find("fox-1", FOX) == []
    ours = post(sandbox, prompt="a  fox ", ref="fox-1")
    assert submitter.find("fox-1", FOX) == [ours]


def test_so_many_images_of_a_ref_that_ours_may_be_behind_them_prove_nothing(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    emptied(sandbox)
    for _ in range(RECORDS_READ):
        post(sandbox, prompt="a wolf", ref="fox-1")
    assert submitter.find("fox-1", FOX) is None


def test_our_id_with_another_prompt_means_that_the_key_is_taken(
    sandbox: Sandbox, submitter: Submitter
) -> None:
    emptied(sandbox)
    submitter.submit(CREATE, {"prompt": "a wolf"}, "fox-1")
    with pytest.raises(Ambiguous):
        submitter.submit(CREATE, FOX, "fox-1")
    with pytest.raises(Rejected, match="Plan it again under another key") as caught:
        submitter.find("fox-1", FOX)
    assert caught.value.failure is Failure.INVALID


def test_half_a_surrogate_that_a_server_replaces_is_still_our_prompt() -> None:
    assert is_of({"prompt": "a \ufffd fox"}, {"prompt": "a \ud800 fox"})
