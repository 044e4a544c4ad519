"""Jobs: one per provider, which loads all of its tables; schedules and sensors select from it."""

from typing import Any

import dagster as dg

from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.providers.base import Provider


def load_job(provider: Provider) -> Any:  # Dagster does not export the type
    """`<provider>_load`: every table of the provider; free of charge, as all loads are."""
    return dg.define_asset_job(
        f"{provider.name}_load",
        selection=dg.AssetSelection.assets(
            *(asset_key(provider, table.name) for table in provider.all_tables)
        ),
        description=f"Loads {provider.title}'s tables, and archives its files. No credit is spent.",
        tags={"provider": provider.name},
    )
