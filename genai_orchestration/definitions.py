"""The code location: for each provider its assets, checks, job, schedules and sensors.

Nothing happens at import; Dagster calls `defs` when it loads the location. No key is needed for
that: what is missing is said at run time, in a sentence that names the setting.
"""

import dagster as dg
from dagster_dlt import DagsterDltResource

from genai_orchestration.orchestration.assets.days import day_assets
from genai_orchestration.orchestration.assets.files import archive_assets
from genai_orchestration.orchestration.assets.generations import (
    generations_asset,
    generations_job,
    generations_sensor,
)
from genai_orchestration.orchestration.assets.groups import groups_of
from genai_orchestration.orchestration.assets.requests import requests_job, submission_assets
from genai_orchestration.orchestration.assets.tables import load_assets
from genai_orchestration.orchestration.checks.files import file_checks
from genai_orchestration.orchestration.checks.requests import request_checks
from genai_orchestration.orchestration.checks.tables import table_checks
from genai_orchestration.orchestration.jobs import load_job
from genai_orchestration.orchestration.schedules import provider_schedules
from genai_orchestration.orchestration.sensors.days import provider_sensors
from genai_orchestration.orchestration.sensors.requests import request_sensor
from genai_orchestration.providers import all_providers


@dg.definitions
def defs() -> dg.Definitions:
    """Everything that the web UI, the daemon and the runs know of this project."""
    providers = all_providers()
    groups = [group for provider in providers for group in groups_of(provider)]
    request_jobs = [requests_job(provider) for provider in providers if provider.operations]
    return dg.Definitions(
        assets=[
            *((day_assets if group.by_day else load_assets)(group) for group in groups),
            *(asset for provider in providers for asset in submission_assets(provider)),
            *(asset for provider in providers for asset in archive_assets(provider)),
            generations_asset(providers),
        ],
        asset_checks=[
            *(check for group in groups for check in table_checks(group)),
            *(check for provider in providers for check in request_checks(provider)),
            *(check for provider in providers for check in file_checks(provider)),
        ],
        jobs=[
            *(load_job(provider) for provider in providers),
            *request_jobs,
            generations_job(),
        ],
        schedules=[s for provider in providers for s in provider_schedules(provider)],
        sensors=[
            *(s for provider in providers for s in provider_sensors(provider)),
            request_sensor(providers, request_jobs),
            generations_sensor(),
        ],
        resources={"dlt": DagsterDltResource()},
        executor=dg.in_process_executor,  # a step of its own process would cost seconds each
    )
