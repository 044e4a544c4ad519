"""What compat.py names is where it says, in the libraries that are installed."""

import contextlib
import importlib.util
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import requests
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._grpc.__generated__ import dagster_api_pb2
from dagster_webserver import app, cli
from dagster_webserver.webserver import DagsterWebserver
from starlette.applications import Starlette

from genai_orchestration import compat
from genai_orchestration.dev.webserver import GuardedWebserver
from genai_orchestration_tests.support.dagster_client import until

QUERY = {"query": "{ __typename }"}


def test_the_daemon_is_a_module_to_run() -> None:
    assert importlib.util.find_spec(f"{compat.DAEMON}.__main__")


def test_a_code_server_has_the_method_that_the_supervisor_asks() -> None:
    service = dagster_api_pb2.DESCRIPTOR.services_by_name["DagsterApi"]
    methods = {f"/{service.full_name}/{method.name}" for method in service.methods}
    assert compat.REPOSITORIES in methods


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Where the application of the web server's command is served, without a code location."""
    monkeypatch.setattr(app, "DagsterWebserver", DagsterWebserver)  # undone at the end
    monkeypatch.setattr(cli, "main", lambda: None)
    monkeypatch.setenv("GENAI_HOSTS", "genai.example.com")
    compat.run_webserver(GuardedWebserver)
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), version="0") as context,
        served(app.create_app_from_workspace_process_context(context)) as address,
    ):
        yield address


@contextlib.contextmanager
def served(application: Starlette) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        until("it is served", 60, lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_the_command_serves_our_subclass_behind_the_guard(url: str) -> None:
    answer = requests.post(f"{url}/graphql", json=QUERY, timeout=60)
    assert answer.json() == {"data": {"__typename": "Query"}}
    info = f"{url}/server_info"
    for headers in ({}, {"Host": "genai.example.com"}, {"Origin": url}):
        assert requests.get(info, headers=headers, timeout=60).status_code == 200
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert requests.get(info, headers=headers, timeout=60).status_code == 403
        refused = requests.post(f"{url}/graphql", json=QUERY, headers=headers, timeout=60)
        assert refused.status_code == 403


def test_graphql_is_executed_for_posts_of_json_alone(url: str) -> None:
    own, graphql = {"Origin": url}, f"{url}/graphql"
    assert requests.get(graphql, QUERY, headers=own, timeout=60).status_code == 405
    assert requests.head(graphql, params=QUERY, headers=own, timeout=60).status_code == 405
    for kind in ("text/plain; application/json", "application/graphql", "application/jsonl", ""):
        headers = {**own, "Content-Type": kind}
        sent = requests.post(graphql, "{}", params=QUERY, headers=headers, timeout=60)
        assert sent.status_code == 415, kind
    assert "graphiql" in requests.get(graphql, headers={"Accept": "text/html"}, timeout=60).text


def test_a_class_that_is_no_web_server_is_refused() -> None:
    with pytest.raises(TypeError, match=r"is no dagster_webserver\.app"):
        compat.run_webserver(dict)
