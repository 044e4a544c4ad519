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
from dagster._core import op_concurrency_limits_counter as run_queue
from dagster._core.storage import tags
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._grpc.__generated__ import dagster_api_pb2
from dagster_webserver import app, cli
from dagster_webserver.webserver import DagsterWebserver
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbClientConfiguration,
    DuckDbConnectionPool,
)
from starlette.applications import Starlette
from urllib3.connection import HTTPConnection

from genai_orchestration import compat
from genai_orchestration.archive.hosts import Guard, connections
from genai_orchestration.dev.webserver import GuardedWebserver
from genai_orchestration.warehouse.locked_duckdb import LockedDuckDb
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


def test_the_code_server_of_a_run_is_a_tag_of_dagster() -> None:
    assert tags.GRPC_INFO_TAG == compat.SERVER_TAG


def test_dagster_reads_the_variable_for_pools_of_runs_that_have_started() -> None:
    source = Path(run_queue.__file__).read_text()
    assert f'"{compat.POOL_SECONDS_VARIABLE}"' in source


def test_a_runs_places_in_pools_are_given_back() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("abyssale", 1)
        assert storage.claim_concurrency_slot("abyssale", "run", "step").is_claimed
        assert not storage.claim_concurrency_slot("abyssale", "other", "step").is_claimed
        compat.free_pool_slots(instance, "run")
        assert storage.get_concurrency_info("abyssale").slot_count == 1
        assert "run" not in storage.get_concurrency_info("abyssale").active_run_ids


def test_a_configuration_is_bound_to_a_dataset() -> None:
    configuration = DuckDbClientConfiguration()
    assert compat.bound_to_dataset(configuration, "images").dataset_name == "images"


def test_the_content_of_an_answer_is_what_was_read() -> None:
    answer = requests.Response()
    compat.set_content(answer, b'{"id": 1}')
    assert (answer.content, answer.json()) == (b'{"id": 1}', {"id": 1})


def test_a_class_without_what_is_overridden_is_a_changed_library() -> None:
    compat.require(HTTPConnection, "_new_conn")
    with pytest.raises(compat.ChangedLibrary, match=r"HTTPConnection has no _renamed in the"):
        compat.require(HTTPConnection, "_new_conn", "_renamed")


def test_files_are_not_fetched_past_a_guard_that_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(HTTPConnection, "_new_conn")
    with pytest.raises(compat.ChangedLibrary, match="has no _new_conn"):
        connections(Guard("https://cl.imagineapi.dev"))


def test_a_warehouse_is_not_opened_past_a_lock_that_is_not_held(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(DuckDbConnectionPool, "_close_conn")
    with pytest.raises(compat.ChangedLibrary, match="has no _close_conn"):
        LockedDuckDb(str(tmp_path / "warehouse.duckdb"))
