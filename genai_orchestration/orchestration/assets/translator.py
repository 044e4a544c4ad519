"""From a provider's table to what the web UI shows of it, before and after it is loaded."""

from dataclasses import dataclass

import dagster as dg
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData

from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.settings import destination_name
from genai_orchestration.warehouse import Dataset

OWNER = "team:data"


@dataclass
class TableTranslator(DagsterDltTranslator):
    """Names each dlt resource as the asset that was declared for its table."""

    provider: Provider

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        """The declared asset of the resource's table."""
        return table_spec(self.provider, self.provider.table(data.resource.name))


@dataclass
class RequestTranslator(DagsterDltTranslator):
    """Names the dlt resource of an operation's requests as the asset that submits them."""

    provider: Provider

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        """The asset of the operation of that name; the rest was declared with it."""
        return dg.AssetSpec(asset_key(self.provider, data.resource.name))


def table_spec(provider: Dataset, table: Table) -> dg.AssetSpec:
    """The asset of one table: description, kinds, owner, tags, name, columns and freshness."""
    return dg.AssetSpec(
        key=asset_key(provider, table.name),
        group_name=provider.name,
        description=table.description,
        kinds={"dlt", destination_name()},
        owners=[OWNER],
        tags={"provider": provider.name, "disposition": table.disposition},
        freshness_policy=_freshness(table),
        metadata={
            "dagster/table_name": f"{provider.dataset}.{table.name}",
            "dagster/column_schema": _columns(table),
        },
    )


def _freshness(table: Table) -> dg.FreshnessPolicy | None:
    window = table.fresh_within
    return dg.FreshnessPolicy.time_window(fail_window=window) if window else None


def _columns(table: Table) -> dg.TableSchema:
    keys = table.primary_key
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                data_type,
                constraints=dg.TableColumnConstraints(
                    nullable=name not in keys, other=["primary_key"] if name in keys else []
                ),
            )
            for name, data_type in table.columns.items()
        ]
    )
