"""A removed ledger: what the warehouse knows to be sent is not approved again without a word."""

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import paid
from genai_orchestration_tests.support.command import genai


def test_what_a_removed_ledger_has_sent_is_approved_by_a_persons_word_alone(
    sandbox: Sandbox, settings: Settings
) -> None:
    paid.submitted("fox")
    assert genai("load", "magic_hour", "--table", "ai_image_generator").code == 0
    for file in settings.home.glob("ledger.db*"):
        file.unlink()
    paid.plan("fox")
    paid.plan("new")
    said = genai("requests", "approve", "--all")
    assert said.code == 1
    assert "1 of the requests were sent before (fox (" in said.sentence
    assert "--sent-before" in said.sentence
    assert [paid.state(key) for key in ("fox", "new")] == ["planned", "planned"]
    assert genai("requests", "approve", "new").code == 0
    assert genai("requests", "approve", "fox", "--sent-before").code == 0
    assert [paid.state(key) for key in ("fox", "new")] == ["approved", "approved"]
