"""Answers of the sandbox that fail by chance."""

import random

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Call, Fault
from genai_orchestration_tests.support.doubles import replace

FAULTS = (
    Fault(kind="status", status=500),
    Fault(kind="status", status=429, retry_after="0.01"),
    Fault(kind="reset"),
    Fault(kind="truncate"),
)


def a_third_fails(sandbox: Sandbox, path: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let a third of the answers below a path fail, in each of four ways; how many have."""
    chance, failed = random.Random(4711), [0]

    def next_fault(call: Call) -> Fault | None:
        if call.path.startswith(path) and chance.random() < 1 / 3:
            failed[0] += 1
            return chance.choice(FAULTS)
        return None

    replace(monkeypatch, sandbox.traffic, "_next_fault", next_fault)
    return failed
