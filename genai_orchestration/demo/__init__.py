"""The demo: the sandbox, the three providers and the polling sensor, without a key or a network.

    once      sandbox ─► loads ─► paid requests ─► sensors ─► their runs ─► … all over ─► a table
    with UI   sandbox ─► dagster dev ─► the same jobs launched as the web UI does ─► Ctrl-C

Its state is a folder of its own below GENAI_HOME, and is new each time.
"""

import os
import time
from collections.abc import Sequence

import dagster as dg

from genai_orchestration.definitions import defs
from genai_orchestration.demo import requests
from genai_orchestration.demo.stage import demo_sandbox, demo_settings, history
from genai_orchestration.demo.tour import Tour, console
from genai_orchestration.dev import start as dev
from genai_orchestration.orchestration.assets.partitions import range_tags
from genai_orchestration.orchestration.instance import home_of
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Provider


def with_ui(port: int) -> None:
    """Serve the web UI until Ctrl-C, with everything on and the first loads launched."""
    settings = demo_settings()
    dev.check_port_free(port)
    with dev.stopped_by_signals(), demo_sandbox(settings) as (sandbox, environment):
        console.print("Starting the sandbox and Dagster ...")
        with dev.dagster_dev(settings, port, environment) as dagster:
            _launch(port, requests.approve(sandbox, settings))
            console.print(f"\n[bold]The web UI is at {dagster.url}[/] - Ctrl-C ends the demo.")
            console.print(f"{settings.places}\n", soft_wrap=True)
            dagster.wait()


def once() -> None:
    """The whole tour without a UI; DemoFailed when open images do not become final in time."""
    started = time.monotonic()
    settings = demo_settings()
    with demo_sandbox(settings) as (sandbox, environment):
        os.environ.update(environment)
        instance = dg.DagsterInstance.from_config(str(home_of(settings)))
        tour = Tour(settings, instance, defs())
        for provider in all_providers():
            tour.load(provider)
        for provider in requests.approve(sandbox, settings):
            tour.submit(provider)
        stuck = tour.watch(sandbox)
        tour.gather()
    tour.show(stuck, time.monotonic() - started)


def _launch(port: int, asked: Sequence[Provider]) -> None:
    """Launch each provider's load over the whole history, and the paid requests, as the web UI."""
    from dagster_graphql import DagsterGraphQLClient  # a second to import, for the UI alone

    client = DagsterGraphQLClient(dev.HOST, port_number=port)
    for provider in all_providers():
        tags = range_tags(*history()) if provider.start else {}
        client.submit_job_execution(f"{provider.name}_load", tags=tags)
    for provider in asked:
        client.submit_job_execution(f"{provider.name}_requests")
