"""What the project uses of its libraries beyond their public names, each with a test of its own.

A test in test_compat.py fails when an upgrade moves one of these. Their classes
that are extended are imported where that happens: `require` says there that what is overridden
exists.
"""

from typing import Any

import requests

DAEMON = "dagster._daemon"  # `python -m` it: what the command `dagster-daemon` runs
# the code server's method that answers as long as its code runs, or says why it cannot be loaded
REPOSITORIES = "/api.DagsterApi/ListRepositories"
SERVER_TAG = ".dagster/grpc_info"  # where Dagster notes the code server that runs a run
# for how long Dagster's queue keeps the pool of a run that has started, in seconds
POOL_SECONDS_VARIABLE = "DAGSTER_OP_CONCURRENCY_KEYS_ALLOTTED_FOR_STARTED_RUN_SECONDS"
# how Dagster begins what it writes to stderr when its database takes no line of a run's log
UNWRITTEN = "Exception while writing logger call to event log"


def run_webserver(webserver: type[Any]) -> None:
    """Run the command `dagster-webserver` with this subclass of its server class.

    The command has no option for it, and makes its application from this name.
    """
    from dagster_webserver import app, cli

    if not issubclass(webserver, app.DagsterWebserver):  # type: ignore[attr-defined]
        raise TypeError(f"{webserver} is no dagster_webserver.app.DagsterWebserver")
    app.DagsterWebserver = webserver  # type: ignore[attr-defined]
    cli.main()  # type: ignore[no-untyped-call]


class ChangedLibrary(Exception):
    """A library has no longer what this project overrides or calls: a bug until that is adapted."""


def require(owner: type, *names: str) -> None:
    """Raise `ChangedLibrary` unless the class has all of these names.

    A method that nobody calls any more would be overridden without effect, and without an error.
    """
    absent = [name for name in names if not hasattr(owner, name)]
    if absent:
        raise ChangedLibrary(
            f"{owner.__module__}.{owner.__qualname__} has no {', '.join(absent)} in the installed "
            "version: install the versions of constraints.txt."
        )


def free_pool_slots(instance: Any, run_id: str) -> None:
    """Give back the places in pools that the run of a Dagster instance holds."""
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def bound_to_dataset(configuration: Any, dataset: str) -> Any:
    """The configuration of a dlt destination's client, for a dataset without a pipeline."""
    return configuration._bind_dataset_name(dataset)


def set_content(answer: requests.Response, content: bytes) -> None:
    """Make `content` what the answer has, as if requests itself had read it."""
    answer._content = content
