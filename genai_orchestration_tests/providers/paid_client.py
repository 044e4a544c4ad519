"""The paid client that tests ask with, what it sends, and the secret that nobody may repeat."""

from typing import Any

import pytest

from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.paid import PaidClient
from genai_orchestration.providers.refusals import ProviderError

PATH = "v1/ai-image-generator"
BODY = {"image_count": 1, "model": "z-image-turbo", "style": {"prompt": "a fox"}}
SECRET = "mhk_live_secret"


def client(base_url: str, key: str = SECRET) -> PaidClient:
    return PaidClient(
        ReadClient(
            title="Magic Hour",
            section="magic_hour_source",
            base_url=base_url,
            auth=KeyAuth("Authorization", f"Bearer {key}"),
        )
    )


def refused(kind: type[ProviderError], base_url: str) -> Any:
    """The error, which has to be of exactly that kind."""
    with pytest.raises(ProviderError) as caught:
        client(base_url).post(PATH, BODY)
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    return caught.value
