"""`genai requests submit` that is stopped: by Ctrl-C, by a second one, or killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import genai
from genai_orchestration_tests.support.paid import (
    SUBMIT,
    aged,
    approve,
    image,
    plan,
    posts,
    shown,
    state,
)

pytestmark = pytest.mark.usefixtures("looked_up_at_once")


@pytest.fixture
def slow(sandbox: Sandbox) -> Iterator["subprocess.Popen[str]"]:
    """A process that submits three requests, the first of which is on its way for two seconds."""
    for key in ("one", "two", "three"):
        plan(key)
    approve()
    sandbox.traffic.faults.append(Fault(kind="timeout", method="POST", path="/magic", seconds=2))
    command = [sys.executable, "-m", "genai_orchestration.cli", *SUBMIT]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        deadline = time.monotonic() + 30
        while not posts(sandbox):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_finishes_what_is_on_its_way_and_leaves_the_rest(
    slow: "subprocess.Popen[str]", sandbox: Sandbox, signal_: signal.Signals
) -> None:
    slow.send_signal(signal_)
    out, err = slow.communicate(timeout=30)
    assert slow.returncode == 130
    assert out.startswith("Magic Hour: 1 submitted, 0 rejected, 0 unknown, 2 waiting.\n")
    assert "what is approved stays so" in out
    assert "Stopping after the request that is on its way" in err
    assert [state(key) for key in ("one", "two", "three")] == ["submitted", "approved", "approved"]
    assert genai(*SUBMIT).code == 0
    assert posts(sandbox) == 3


def test_what_a_killed_process_left_is_told_and_never_sent_again(
    slow: "subprocess.Popen[str]", sandbox: Sandbox, settings: Settings
) -> None:
    slow.kill()
    slow.communicate(timeout=30)
    said = genai(*SUBMIT)
    assert said.out.startswith("Magic Hour: 2 submitted, 0 rejected, 0 unknown, 0 waiting.")
    assert "1 are on their way, of another process, or of one that has died" in said.out
    aged(settings, "requests", submitting_at=timedelta(minutes=11))
    assert "1 from before are still unknown" in genai(*SUBMIT).out
    assert (state("one"), posts(sandbox)) == ("unknown", 3)


def test_ctrl_c_ends_the_wait_for_a_place(sandbox: Sandbox) -> None:
    for number in range(5):
        image(f"fox-{number}")
    approve()
    command = [sys.executable, "-m", "genai_orchestration.cli", *SUBMIT]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        deadline = time.monotonic() + 60
        while posts(sandbox) < 3 or state("fox-2") != "submitted":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.startswith("ImagineAPI: 3 submitted, 0 rejected, 0 unknown, 2 waiting.")


def test_a_second_ctrl_c_stops_at_once_and_says_what_is_unknown(
    slow: "subprocess.Popen[str]", sandbox: Sandbox
) -> None:
    slow.send_signal(signal.SIGINT)
    time.sleep(0.3)
    slow.send_signal(signal.SIGINT)
    out, _ = slow.communicate(timeout=30)
    assert slow.returncode == 130
    assert "Unknown: one. genai requests show one shows" in out
    assert [state(key) for key in ("one", "two", "three")] == ["unknown", "approved", "approved"]
    assert shown("one")["reserved"] == 10
    assert "Traceback" not in out
