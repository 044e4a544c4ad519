"""Magic Hour's address and key, and the path that tells the balance."""

from genai_orchestration.providers.http import PATIENT, Pace, ReadClient
from genai_orchestration.providers.key_auth import KeyAuth

ACCOUNT = "v1/account"


def connect(api_key: str, base_url: str, pace: Pace = PATIENT) -> ReadClient:
    """A read client for the account of `api_key`; one /v1 goes out, whether configured or not."""
    return ReadClient(
        title="Magic Hour",
        section="magic_hour_source",
        base_url=base_url.rstrip("/").removesuffix("/v1"),
        auth=KeyAuth("Authorization", f"Bearer {api_key}"),
        pace=pace,
    )
