"""Which of a provider's tables are loaded by one step: those that share their partitions."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from genai_orchestration.orchestration.assets.partitions import days_of
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.warehouse import Dataset


@dataclass(frozen=True)
class TableSet:
    """Tables of one provider that a single Dagster op loads in one dlt run."""

    provider: Provider
    tables: tuple[Table, ...]

    @property
    def name(self) -> str:
        """The op's name, and that of the pool in which it waits for its like."""
        by_day = [table.name for table in self.tables if table.by_day]
        return "_".join([self.provider.name, *by_day])

    @property
    def by_day(self) -> bool:
        """Whether the tables are partitioned by day."""
        return self.tables[0].by_day

    @property
    def partitions(self) -> dg.DailyPartitionsDefinition | None:
        """Days since the provider's configured start; None for tables without a history."""
        return days_of(self.provider) if self.by_day else None


def groups_of(provider: Provider) -> Sequence[TableSet]:
    """The provider's tables by partitioning: those by day, and all others."""
    by_day = tuple(table for table in provider.tables if table.by_day)
    others = tuple(table for table in provider.tables if not table.by_day)
    return [TableSet(provider, tables) for tables in (by_day, others) if tables]


def asset_key(provider: Dataset, table: str) -> dg.AssetKey:
    """The asset of a provider's table: `[provider, table]`."""
    return dg.AssetKey([provider.name, table])
