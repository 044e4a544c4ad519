"""Without the extra, the gallery says what to install."""

import importlib.util

import pytest

from genai_orchestration_tests.support.command import genai


def test_a_missing_library_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "marimo" else find(name)
    )
    said = genai("gallery").sentence
    assert said.startswith(
        "The gallery needs marimo: run pip install 'genai_orchestration[gallery]'"
    )
