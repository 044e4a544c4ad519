"""Magic Hour's address and key, the path of the balance, and what its 402 means."""

from typing import Any

import requests

from genai_orchestration.providers import shapes
from genai_orchestration.providers.http import LOAD_POLICY, ReadClient, RetryPolicy
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.refusals import OutOfCredits, ProviderError
from genai_orchestration.providers.work import id_in

ACCOUNT = "v1/account"
BALANCE = ("credits",)  # what an account says at least
ENVELOPES = ("items", "models")  # of lists: of the API's only one, and the one that one expects
PAYMENT_REQUIRED = 402
NAMES = ("model", "id", "name")  # nothing is known of a list of models, but that they have one
PROJECT = ("id", "status")  # what an image project says at least


def account_of(client: ReadClient) -> str | None:
    """The account's own id, which stays when its key is changed."""
    return id_in(client.get_object(ACCOUNT).get("id"))


def connect(api_key: str, base_url: str, policy: RetryPolicy = LOAD_POLICY) -> ReadClient:
    """A read client for the account of `api_key`."""
    return ReadClient(
        title="Magic Hour",
        section="magic_hour_source",
        base_url=base_url,
        auth=KeyAuth("Authorization", f"Bearer {api_key}"),
        classify=_classify,
        policy=policy,
    )


def payment_code(answer: requests.Response) -> str | None:
    """The vendor's code of a 402, which says whom it concerns; None of anything else."""
    try:
        code = answer.json()["code"] if answer.status_code == PAYMENT_REQUIRED else None
    except (ValueError, LookupError, TypeError):
        return None
    return code if isinstance(code, str) else None


def _classify(answer: requests.Response, message: str) -> ProviderError | None:
    """A 402 that more credits would not change."""
    match payment_code(answer):
        case "plan_upgrade_required":
            return OutOfCredits(
                f"{message}: Magic Hour answered 402. This request asks for more than the plan of "
                "the account has, and others may pass: change it, or upgrade the plan."
            )
        case "subscription_required":
            return OutOfCredits(
                f"{message}: Magic Hour answered 402. The account has no plan, and every request "
                "will be refused: subscribe at magichour.ai, and submit again."
            )
        case _:
            return None


def model_list(answer: Any) -> list[shapes.Record]:
    """Models, in a list or under `items` or `models`; one at least, and each has a name."""
    at = next((name for name in ENVELOPES if isinstance(answer, dict) and name in answer), None)
    listed = shapes.records(at=at, empty=False)(answer)
    if not all(any(isinstance(model.get(name), str) for name in NAMES) for model in listed):
        raise shapes.Misshapen("a list with a model that has no name")
    return listed
