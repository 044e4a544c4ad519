"""Paid requests for the tests of the commands: planned, approved, and in each state they can have.

What the commands themselves can do is done by them; time is moved in the ledger's file.
"""

import json
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import Said, genai

Json = dict[str, Any]
SUBMIT = ("requests", "submit")
SNEAKER = {"image_count": 2, "style": {"prompt": "a sneaker"}, "model": "z-image-turbo"}  # 10
OTHER = {**SNEAKER, "image_count": 1}  # 5 credits


def plan(key: str, payload: Json = SNEAKER, *options: str) -> None:
    """Plan an order of Magic Hour's."""
    order = ("requests", "add", "magic_hour", "ai_image_generator", "--key", key)
    said = genai(*order, "--payload", json.dumps(payload), *options)
    assert said.code == 0, said


def image(key: str, prompt: str = "a red fox") -> None:
    """Plan an image of ImagineAPI's."""
    said = genai(
        "requests", "add", "imagine_api", "images_create", "--prompt", prompt, "--key", key
    )
    assert said.code == 0, said


def approve(*keys: str) -> None:
    """Approve these requests, or all that are planned."""
    said = genai("requests", "approve", *(keys or ("--all",)))
    assert said.code == 0, said


def submitted(*keys: str) -> Said:
    """Plan, approve and submit orders of Magic Hour's."""
    for key in keys:
        plan(key)
    approve(*keys)
    return genai("requests", "submit", "--provider", "magic_hour")


def lose(sandbox: Sandbox, path: str = "/magic_hour", *, after_work: bool = True) -> None:
    """Lose the answer to the next paid POST there, once its work is done or before."""
    fault = Fault(kind="status", status=502, method="POST", path=path, after_work=after_work)
    sandbox.traffic.faults.append(fault)


def lost(sandbox: Sandbox, key: str, payload: Json = SNEAKER) -> None:
    """An order whose answer is lost, though it is carried out."""
    plan(key, payload)
    approve(key)
    lose(sandbox)
    said = genai("requests", "submit", "--provider", "magic_hour")
    assert (said.code, state(key)) == (1, "unknown"), said


def shown(key: str) -> Json:
    """What `show --json` says of a request."""
    found: Json = json.loads(genai("requests", "show", key, "--json").out)
    return found


def state(key: str) -> str:
    """The state of a request."""
    return str(shown(key)["state"])


def lines(*arguments: str) -> list[Json]:
    """The JSON objects that a command prints, a line each."""
    said = genai(*arguments, "--json")
    return [json.loads(line) for line in said.out.splitlines()]


def posts(sandbox: Sandbox, provider: str = "") -> int:
    """How many paid POSTs have reached the sandbox."""
    calls = sandbox.traffic.calls
    return sum(call.method == "POST" and call.path.startswith(f"/{provider}") for call in calls)


def aged(settings: Settings, table: str = "jobs", **ago: timedelta) -> None:
    """Move columns of all rows of a table into the past."""
    engine = sa.create_engine(f"sqlite:///{settings.ledger}")
    with engine.begin() as connection:
        for name, past in ago.items():
            moved = f"datetime({name}, '-{past.total_seconds():.0f} seconds')"
            connection.execute(sa.text(f"UPDATE {table} SET {name} = {moved}"))
    engine.dispose()
