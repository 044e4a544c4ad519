"""Magic Hour's address and key, and the path that tells the balance."""

from typing import Any

from genai_orchestration.providers import shapes
from genai_orchestration.providers.http import PATIENT, Pace, ReadClient
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.work import id_in

ACCOUNT = "v1/account"
BALANCE = ("credits",)  # what an account says at least
ENVELOPES = ("items", "models")  # of lists: of the API's only one, and the one that one expects
NAMES = ("model", "id", "name")  # nothing is known of a list of models, but that they have one
PROJECT = ("id", "status")  # what an image project says at least


def account_of(client: ReadClient) -> str | None:
    """The account's own id, which stays when its key is changed."""
    return id_in(client.get_object(ACCOUNT).get("id"))


def connect(api_key: str, base_url: str, pace: Pace = PATIENT) -> ReadClient:
    """A read client for the account of `api_key`; one /v1 goes out, whether configured or not."""
    return ReadClient(
        title="Magic Hour",
        section="magic_hour_source",
        base_url=base_url.rstrip("/").removesuffix("/v1"),
        auth=KeyAuth("Authorization", f"Bearer {api_key}"),
        pace=pace,
    )


def model_list(answer: Any) -> list[shapes.Record]:
    """Models, in a list or under `items` or `models`; one at least, and each has a name."""
    at = next((name for name in ENVELOPES if isinstance(answer, dict) and name in answer), None)
    listed = shapes.records(at=at, empty=False)(answer)
    if not all(any(isinstance(model.get(name), str) for name in NAMES) for model in listed):
        raise shapes.Misshapen("a list with a model that has no name")
    return listed
