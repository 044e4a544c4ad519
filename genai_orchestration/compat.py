"""What the project uses of its libraries beyond their public names, each with a test of its own.

A test in test_compat.py fails when an upgrade moves one of these.
"""

from typing import Any

DAEMON = "dagster._daemon"  # `python -m` it: what the command `dagster-daemon` runs
# the code server's method that answers as long as its code runs, or tells why it cannot be loaded
REPOSITORIES = "/api.DagsterApi/ListRepositories"
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
