"""What of a vendor's own words may be shown: never a key, never what signs or opens an address."""

import json

import pytest

from genai_orchestration.providers.http import SENSOR_POLICY, ReadClient
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.refusals import (
    LONGEST_MESSAGE,
    ProviderError,
    WrongSetting,
    fit_message,
)
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault

KEY = "sk-live-0123456789abcdef-ghijklmnop"


def refused(sandbox: Sandbox, message: str, status: int = 400) -> str:
    fault = Fault(kind="status", status=status, body=json.dumps({"message": message}), times=9)
    sandbox.traffic.faults.append(fault)
    client = ReadClient(
        title="Vendor",
        section="vendor_source",
        base_url=sandbox.url,
        auth=KeyAuth("Authorization", f"Bearer {KEY}"),
        policy=SENSOR_POLICY,
        sleep=lambda seconds: None,
    )
    with pytest.raises(ProviderError) as caught:
        client.get_object("anything")
    return str(caught.value)


@pytest.mark.parametrize("before", range(LONGEST_MESSAGE - len(KEY) - 2, LONGEST_MESSAGE + 2, 5))
def test_a_key_at_the_cut_is_hidden_before_the_cut(sandbox: Sandbox, before: int) -> None:
    said = refused(sandbox, "x" * before + KEY)
    assert not any(KEY[:length] in said for length in range(4, len(KEY)))


@pytest.mark.parametrize(
    "mark", ["?X-Amz-Signature=deadbeef", "#access_token=deadbeef", ";sig=deadbeef"]
)
def test_addresses_lose_what_signs_them(sandbox: Sandbox, mark: str) -> None:
    said = refused(sandbox, f"cannot fetch https://cdn.example.com/a.png{mark} now", 500)
    assert "deadbeef" not in said
    assert "https://cdn.example.com/a.png now" in said


def test_words_on_several_lines_become_one_sentence(sandbox: Sandbox) -> None:
    assert "\n" not in refused(sandbox, "first\n\tsecond")
    assert fit_message(" a \n b ") == "a b"


@pytest.mark.parametrize("address", ["http://h/?api_key=deadbeef", "https://h/#deadbeef"])
def test_an_address_with_a_query_is_refused_without_quoting_it(address: str) -> None:
    with pytest.raises(WrongSetting) as caught:
        ReadClient(title="Vendor", section="vendor_source", base_url=address)
    assert "deadbeef" not in str(caught.value)
