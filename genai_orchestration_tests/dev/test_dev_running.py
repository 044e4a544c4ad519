"""The real `genai dev` while it runs: its doors, its web UI and its home."""

import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.dev.typed import UP_WITHIN, Dev, dev, is_up
from genai_orchestration_tests.dev.web_ui import backfill, launch, materialize
from genai_orchestration_tests.orchestration.paid import approved, hero, posts
from genai_orchestration_tests.support.browser import chromium
from genai_orchestration_tests.support.command import GENAI
from genai_orchestration_tests.support.dagster_client import (
    REPOSITORY,
    Dagster,
    free_port,
    until,
)

EVIL = "http://evil.example"
LAUNCH = """mutation($params: ExecutionParams!) {
    launchPipelineExecution(executionParams: $params) { __typename } }"""
PAID = {
    "selector": {**REPOSITORY, "jobName": "magic_hour_requests"},
    "runConfigData": {
        "ops": {
            "magic_hour_requests": {
                "config": {"approve": True, "submit": True, "requests": [{"prompt": "a fox"}]}
            }
        }
    },
}
BODY = {"query": LAUNCH, "variables": {"params": PAID}}
AS_QUERY = urlencode({"query": LAUNCH, "variables": json.dumps({"params": PAID})})
REFUSED = (403, 405, 415)
NOT_JSON = (
    None,
    "text/plain",
    "text/plain; application/json",  # Dagster's own server takes it for JSON
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    "application/graphql",
    "application/json-seq",
)


@pytest.fixture(scope="module")
def up() -> Iterator[tuple[Dev, Sandbox]]:
    """`genai dev` against a sandbox, for all tests that leave it as it is."""
    with (
        Sandbox().running() as sandbox,
        tempfile.TemporaryDirectory(prefix="doors and ümlauts ") as folder,
        dev(Path(folder), sandbox.environment()) as running,
    ):
        until("it is up", UP_WITHIN, lambda: is_up(running))
        yield running, sandbox


def runs(running: Dev) -> list[dict[str, Any]]:
    """Of the paid job alone: schedules and sensors start loads as they like."""
    return [
        run for run in Dagster(running.url).runs() if run["pipelineName"] == "magic_hour_requests"
    ]


def test_no_page_of_others_can_launch_a_run(up: tuple[Dev, Sandbox]) -> None:
    running, _ = up
    graphql = f"{running.url}/graphql"
    own = running.url
    refused: list[requests.Response] = []
    # what needs no script: a picture, a link, a form
    for headers in ({}, {"Origin": EVIL}, {"Origin": own}, {"Accept": "text/html"}):
        refused.append(requests.get(f"{graphql}?{AS_QUERY}", headers=headers, timeout=30))
    for kind in NOT_JSON:
        for origin in ({}, {"Origin": EVIL}, {"Origin": own}):
            headers = {**origin, **({"Content-Type": kind} if kind else {})}
            refused.append(
                requests.post(f"{graphql}?{AS_QUERY}", data=json.dumps(BODY), headers=headers)
            )
    # what a script may try
    for headers in (
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9"},  # another program's page on this machine
        {"Origin": running.url.replace("127.0.0.1", "localhost")},
        {"Origin": f"{running.url}.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        {"Host": "evil.example"},  # a name that its owner points at this machine
        {"Host": f"evil.example:{free_port()}"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
    ):
        refused.append(requests.post(graphql, json=BODY, headers=headers, timeout=30))
    # another page reads nothing either, and asks in vain whether it may send
    for headers in ({"Host": "evil.example"}, {"Origin": EVIL}, {"Sec-Fetch-Site": "cross-site"}):
        refused.append(requests.get(f"{running.url}/runs", headers=headers, timeout=30))
        refused.append(requests.options(graphql, headers={"Origin": EVIL}, timeout=30))
    reported = f"{running.url}/report_asset_materialization/imagine_api/images"
    refused.append(requests.post(reported, headers={"Origin": EVIL}, timeout=30))
    refused.append(requests.post(reported, data={"partition": "x"}, timeout=30))
    assert {answer.status_code for answer in refused} == set(REFUSED)
    assert not [answer for answer in refused if "Access-Control-Allow-Origin" in answer.headers]
    assert runs(running) == []


def test_no_page_of_others_opens_a_websocket_and_none_carries_a_mutation(
    up: tuple[Dev, Sandbox],
) -> None:
    running, _ = up
    socket = f"{running.url.replace('http', 'ws')}/graphql"
    for headers in (
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        with pytest.raises(InvalidStatus, match="403"):
            connect(socket, additional_headers=headers, proxy=None)
    with connect(
        socket,
        origin=Origin(running.url),
        subprotocols=[Subprotocol("graphql-ws")],
        proxy=None,
    ) as opened:
        opened.send(json.dumps({"type": "connection_init"}))
        assert json.loads(opened.recv(30)) == {"type": "connection_ack"}
        opened.send(json.dumps({"type": "start", "id": "1", "payload": BODY}))
        assert json.loads(opened.recv(30))["type"] == "error"
    assert runs(running) == []


def test_who_is_no_page_of_others_is_served(up: tuple[Dev, Sandbox]) -> None:
    running, _ = up
    port = running.url.rpartition(":")[2]
    typename = {"query": "{ __typename }"}
    for headers in (
        {},
        {"Origin": running.url, "Sec-Fetch-Site": "same-origin"},
        {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"},
        {"Host": f"[::1]:{port}"},
        {"Content-Type": "application/json; charset=utf-8"},
    ):
        answer = requests.post(f"{running.url}/graphql", json=typename, headers=headers, timeout=30)
        assert answer.json() == {"data": {"__typename": "Query"}}, headers
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    followed = requests.get(running.url, headers={**link, "Sec-Fetch-Dest": "document"}, timeout=30)
    assert followed.ok
    assert followed.headers["X-Frame-Options"] == "SAMEORIGIN"
    framed = requests.get(running.url, headers={**link, "Sec-Fetch-Dest": "iframe"}, timeout=30)
    assert framed.status_code == 403


def test_the_web_ui_works_as_before(up: tuple[Dev, Sandbox]) -> None:
    running, _ = up
    with chromium() as page:
        refused: list[str] = []
        page.on("response", lambda it: refused.append(it.url) if it.status in REFUSED else None)
        ui = Dagster(running.url)
        materialize(page, ui)
        backfill(page, ui)
        launch(page, ui)
        assert refused == []


def test_materialize_in_the_web_ui_loads_the_rows_of_requests_and_sends_none(
    up: tuple[Dev, Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, sandbox = up
    ui = Dagster(running.url)
    monkeypatch.setenv("GENAI_HOME", str(running.folder / "state"))
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    approved(hero("hero-1"))
    with chromium() as page:
        run = materialize(page, ui, "ai_image_generator")
    until("the rows are loaded", 180, lambda: ui.status(run) == "SUCCESS")
    assert posts(sandbox) == []


def test_all_state_is_where_the_command_was_typed_for_its_owner_alone(
    up: tuple[Dev, Sandbox],
) -> None:
    running, _ = up
    home = running.folder / "state"
    assert (
        f"State is kept in {home}: the ledger is {home}/ledger.db, the warehouse "
        f"{home}/warehouse.duckdb, the archive {home}/archive."
    ) in running.said
    until("a sensor has opened the ledger", 120, (home / "ledger.db").exists)
    open_ = [
        path.relative_to(home)
        for path in (home, *home.rglob("*"))
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077 and not path.is_symlink()
    ]
    assert open_ == []
    assert sorted(path.name for path in running.folder.iterdir()) == ["said.txt", "state"]


def test_a_second_one_on_the_same_home_says_who_has_it(up: tuple[Dev, Sandbox]) -> None:
    running, _ = up
    second = subprocess.run(
        [GENAI, "dev", "--port", str(free_port())],
        cwd=running.folder.parent,
        env={**os.environ, "GENAI_HOME": str(running.folder / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (second.returncode, second.stdout) == (1, ""), second
    assert second.stderr == (
        f"Error: Dagster runs in {running.folder / 'state'} already (process "
        f"{running.process.pid}): end that with Ctrl-C, or set GENAI_HOME to another folder for "
        "this one.\n"
    )
