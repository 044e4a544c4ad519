"""Where this project keeps its state, and which warehouse it loads into.

Three environment variables decide: GENAI_HOME (a folder), GENAI_DESTINATION (a dlt destination's
name) and GENAI_LEDGER (the address of the ledger's database). Keys, addresses and credentials of
providers and warehouses are dlt's own configuration, not ours.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genai_orchestration.errors import PlainError

HOME_VARIABLE = "GENAI_HOME"
DESTINATION_VARIABLE = "GENAI_DESTINATION"
LEDGER_VARIABLE = "GENAI_LEDGER"
UNFIT = "'%?#"


class UnfitHome(PlainError):
    """GENAI_HOME is a path that the libraries below cannot take."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The folder of the local state, absolute, the name of a dlt destination, and the ledger."""

    home: Path
    destination: str = "duckdb"
    # SQLAlchemy's address of the ledger's database, which may hold a password; None: a file
    ledger_address: str | None = field(default=None, repr=False)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `environment` (the process's own when None)."""
        env = os.environ if environment is None else environment
        home = Path(env.get(HOME_VARIABLE) or ".genai").expanduser().absolute()
        if set(UNFIT) & set(str(home)):
            raise UnfitHome(
                f"{HOME_VARIABLE} {home} has one of {' '.join(UNFIT)} in it, which DuckDB and dlt "
                "take for something else: choose another folder."
            )
        return cls(
            home=home,
            destination=env.get(DESTINATION_VARIABLE) or "duckdb",
            ledger_address=env.get(LEDGER_VARIABLE) or None,
        )

    @property
    def warehouse(self) -> Path:
        """The DuckDB file, when DuckDB is the destination."""
        return self.home / "warehouse.duckdb"

    @property
    def ledger(self) -> Path:
        """The ledger's SQLite file, when no database is named for it."""
        return self.home / "ledger.db"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance: run history, schedule and sensor state."""
        return self.home / "dagster"

    @property
    def dlt_home(self) -> Path:
        """Working folders of dlt pipelines, one a run, and the leases of their load steps."""
        return self.home / "dlt"

    @property
    def dlt_pipelines(self) -> Path:
        """What dlt's own commands take as `--pipelines-dir`: pipelines as a run left them."""
        return self.dlt_home / "pipelines"
