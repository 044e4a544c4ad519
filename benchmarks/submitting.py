"""Paid requests: planning many, sending them as fast as a provider lets us, and the ledger itself.

Planning is two processes, `genai requests import` and `genai requests plan`. Sending is `genai
requests submit` against the project's sandbox, a process of its own, from the first POST to the
last, as the ledger has them. Abyssale has a ceiling of POSTs a second, which is the bound; Magic
Hour has none, so a loop of POSTs that writes nothing down stands beside it. A submission is two
transactions of the ledger, each on the disk before the next step; beside them, an UPDATE of one row
by SQLAlchemy, in the same database. The ledger with requests has caps for the day and the month.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from benchmarks.ledgers import transactions
from benchmarks.measuring import GENAI, Line, home, process, script
from benchmarks.variants import hero
from genai_orchestration.providers.abyssale.api import REQUESTS_PER_SECOND
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.postgres import running

MANY = 10_000  # requests that are planned
TARGET = 5  # seconds
SENT, WINDOWS = 150, 6  # POSTs without a ceiling; seconds under one
LATENCY = 0.05
Json = Mapping[str, Any]


def run() -> Iterator[Line]:
    """All lines of this part."""
    yield _planning()
    with _sandbox() as sandbox:
        for words, latency in (("no latency", 0.0), ("50 ms a request", LATENCY)):
            _delay(sandbox, latency)
            yield _ceiling(sandbox, words)
            yield _unbounded(sandbox, words)
    yield from _ledgers()


def _planning() -> Line:
    empty, imported, planned = min((_planned() for _ in range(2)), key=lambda each: sum(each[1:]))
    seconds = imported + planned
    return Line(
        measure=f"{MANY:,} requests imported and planned",
        ours=f"{imported:.1f} + {planned:.1f} s",
        alternative=f"nothing to plan: {empty:.1f} s",
        ratio=TARGET / seconds,
        target=f"under {TARGET} s",
        reached=seconds < TARGET,
        why=f"{2 * empty:.1f} s of it are two starts of the command.",
    )


def _planned() -> tuple[float, float, float]:
    """Seconds of a plan of nothing, of an import, and of the plan after it."""
    prompts = ({"prompt": f"a matte black sneaker, studio light, take {n}"} for n in range(MANY))
    with home("http://127.0.0.1:1") as (folder, environment):
        environment["SOURCES__IMAGINE_API_SOURCE__CREDITS_PER_DAY"] = str(MANY)
        empty = process([GENAI, "requests", "plan"], environment, folder)
        file = _file(folder, "imagine_api", "images_create", prompts)
        imported = process([GENAI, "requests", "import", file], environment, folder)
        planned = process([GENAI, "requests", "plan"], environment, folder)
    assert f"{MANY} requests are planned" in imported.output, imported.output
    assert f"{MANY} of {MANY} planned requests fit" in planned.output, planned.output
    return empty.seconds, imported.seconds, planned.seconds


def _ceiling(sandbox: Json, words: str) -> Line:
    base, key = _account(sandbox, "abyssale")
    designs = requests.get(f"{base}/designs", headers={"x-api-key": key}, timeout=60).json()
    design = next(each["id"] for each in designs if each["type"] == "static")
    number = WINDOWS * REQUESTS_PER_SECOND + 1  # the last one may leave when they are over
    rows = [
        {"payload": {"design_id": design}, "request_key": f"banner-{each}"}
        for each in range(number)
    ]
    seconds = _sent(sandbox, "abyssale", "generation_requests", rows)
    return Line(
        measure=f"{number} requests to Abyssale, {words}",
        ours=f"{seconds:.1f} s",
        alternative=f"its ceiling, {REQUESTS_PER_SECOND} a second: {WINDOWS:.1f} s",
        ratio=WINDOWS / seconds,
        why="a place under the ceiling is free a second after an answer, not after a start: delays "
        "on the way cannot bunch requests above it. It is looked for ten times a second.",
    )


def _unbounded(sandbox: Json, words: str) -> Line:
    rows = [{"payload": hero(number)} for number in range(SENT)]
    rate = (SENT - 1) / _sent(sandbox, "magic_hour", "ai_image_generator", rows)
    base, key = _account(sandbox, "magic_hour")
    with home() as (folder, environment):
        loop = script("posts", f"{base}/v1/ai-image-generator", key, str(SENT))
        bare = float(process(loop, environment, folder).output)
    return Line(
        measure=f"{SENT} requests to Magic Hour, {words}",
        ours=f"{rate:.0f} a second",
        alternative=f"a loop of POSTs: {bare:.0f} a second",
        ratio=rate / bare,
        why="each is in the ledger, on the disk, before it leaves and after it is answered; the "
        "loop does not know after a crash what it has paid for.",
    )


def _ledgers() -> Iterator[Line]:
    with home() as (folder, _), running() as server:
        for over in (0, MANY):
            yield _ledger("SQLite", over, Settings(home=folder / str(over)))
        for over in (0, MANY):
            settings = Settings(home=folder, ledger_address=server.database())
            yield _ledger("PostgreSQL", over, settings)


def _ledger(kind: str, over: int, settings: Settings) -> Line:
    ours, bare = transactions(settings, over)
    return Line(
        measure=f"the ledger, {kind}, {over:,} requests this month",
        ours=f"{ours:,.0f} transactions a second",
        alternative=f"a bare UPDATE: {bare:,.0f} a second",
        ratio=ours / bare,
        why="each reads the request and what bounds it, alone, and writes one or two rows"
        + ("; the cap for the month adds up the month." if over else "."),
    )


def _sent(sandbox: Json, provider: str, operation: str, rows: Sequence[Json]) -> float:
    """Plan, approve and submit; seconds from the first POST to the last one."""
    with home() as (folder, environment):
        environment |= sandbox
        file = _file(folder, provider, operation, rows)
        for command in (("import", file), ("approve", "--all"), ("submit",)):
            process([GENAI, "requests", *command], environment, folder)
        with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as ledger:
            sql = """SELECT count(*), julianday(min(submitting_at)), julianday(max(submitting_at))
                FROM requests WHERE state = 'submitted'"""
            (number, first, last) = ledger.execute(sql).fetchone()
    assert number == len(rows), f"{number} of {len(rows)} were submitted"
    return float((last - first) * 24 * 3600)


def _file(folder: Path, provider: str, operation: str, rows: Iterable[Json]) -> str:
    path = folder / "requests.jsonl"
    whom = {"provider": provider, "operation": operation}
    path.write_text("".join(f"{json.dumps({**whom, **row})}\n" for row in rows))
    return str(path)


@contextlib.contextmanager
def _sandbox() -> Iterator[dict[str, str]]:
    """The sandbox in a process of its own; the environment variables that point at it."""
    child = subprocess.Popen(
        [GENAI, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert child.stdout
        variables: dict[str, str] = {}
        while len(variables) < 6:  # a key and an address of each provider
            line = child.stdout.readline()
            assert line, "the sandbox did not start"
            name, _, value = line.strip().removeprefix("export ").partition("=")
            variables |= {name: value} if value else {}
        yield variables
    finally:
        child.terminate()
        child.wait()


def _delay(sandbox: Json, seconds: float) -> None:
    """Let every POST wait so long before it is answered."""
    base, _ = _account(sandbox, "abyssale")
    faults = base.removesuffix("/abyssale") + "/_admin/faults"
    slow = {"kind": "timeout", "method": "POST", "times": 10**9, "seconds": seconds}
    if seconds:
        requests.post(faults, json=slow, timeout=60).raise_for_status()


def _account(sandbox: Json, provider: str) -> tuple[str, str]:
    """A provider's address and key there."""
    section = f"SOURCES__{provider}_SOURCE__".upper()
    return sandbox[f"{section}BASE_URL"], sandbox[f"{section}API_KEY"]
