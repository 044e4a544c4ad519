"""The asset `genai/generations`: rebuilt soon after any of the tables that it is read from.

A declarative condition decides when, in one place: a load knows nothing of it, several loads in a
row are followed by one build at most two minutes behind the first, and a build that fails fails no
load. (Built at the end of each load it would be in every selection of every schedule and sensor.)
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from genai_orchestration.loading import generations
from genai_orchestration.loading.generations_sql import ASSET_FILE, provider_tables
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.assets.translator import table_spec
from genai_orchestration.orchestration.runs.attempts import translate_errors
from genai_orchestration.providers.base import Provider
from genai_orchestration.settings import Settings, destination_name

KEY = dg.AssetKey([generations.OWN.name, generations.GENERATIONS.name])
JOB = "genai_generations"
OP = "make_generations"  # Dagster wants another name for it than the job's
NEWS = dg.AutomationCondition.any_deps_updated()
# Loads that are under way are waited for: several in a row are followed by one build. Loads that
# follow each other without a gap would be waited for without an end, so once a minute they are not.
QUIET = ~dg.AutomationCondition.any_deps_in_progress()
EACH_MINUTE = dg.AutomationCondition.cron_tick_passed("* * * * *")
SOON = (
    dg.AutomationCondition.eager()
    # of years of days most are missing for good
    .without(~dg.AutomationCondition.any_deps_missing())
    .replace(QUIET, QUIET | EACH_MINUTE)
    # A build reads what was loaded before it began. By Dagster's own rule its end would count as an
    # answer to what was loaded while it ran, too.
    .replace(
        "handled",
        dg.AutomationCondition.initial_evaluation()
        | (dg.AutomationCondition.newly_requested() & ~NEWS),
    )
)


def generations_asset(providers: Sequence[Provider]) -> dg.AssetsDefinition:
    """One row per job of any provider, downstream of the providers' tables."""
    spec = table_spec(generations.OWN, generations.GENERATIONS)

    soon = SOON if generations.is_possible(destination_name()) else None

    @dg.multi_asset(
        name=OP,
        specs=[spec.replace_attributes(deps=_upstream(providers), automation_condition=soon)],
        pool=OP,
    )
    def build(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        with translate_errors(context):
            rows = generations.build(Settings.load())
        return dg.MaterializeResult(asset_key=KEY, metadata={"dagster/row_count": rows})

    return build


def generations_job() -> Any:  # Dagster does not export the type
    """`genai_generations`: the table alone, from what is loaded."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(KEY),
        description="Rebuilds genai.generations from what is loaded, without a request.",
    )


def generations_sensor() -> dg.AutomationConditionSensorDefinition:
    """Looks every half minute whether one of the tables has news."""
    return dg.AutomationConditionSensorDefinition(
        "genai_generations_sensor",
        target=dg.AssetSelection.assets(KEY),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Rebuilds genai.generations when one of the tables behind it has news.",
    )


def _upstream(providers: Sequence[Provider]) -> list[dg.AssetKey]:
    """The assets of the tables that are read."""
    return [
        asset_key(provider, name)
        for provider in providers
        for name in provider_tables(provider)
        if name != ASSET_FILE or provider.archive
    ]
