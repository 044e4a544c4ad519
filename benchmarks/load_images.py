"""Load ImagineAPI's images into DuckDB: the seed's script beside this project, on one server.

    python benchmarks/load_images.py [--records N]

The seed's script as it stands loads 100 records and reports success; here it has a paginator and
nothing else. Each variant runs in a process of its own, import and start included, into an empty
folder; the ratio is of records per second.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.image_server import DAYS, FIRST, serving

TARGET = 20  # times the seed's records per second
KEY = "benchmark"


def seed(url: str) -> None:
    """The seed's script, with a paginator."""
    import dlt
    from dlt.sources.rest_api import rest_api_resources
    from dlt.sources.rest_api.typing import RESTAPIConfig

    @dlt.source
    def imagine_api_source(api_key: str = KEY) -> Any:
        config: RESTAPIConfig = {
            "client": {
                "base_url": url,
                "auth": {"type": "bearer", "token": api_key},
                "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
            },
            "resources": [
                {"name": "images", "endpoint": {"path": "items/images", "data_selector": "data"}}
            ],
        }
        yield from rest_api_resources(config)

    pipeline = dlt.pipeline(
        pipeline_name="imagine_api_pipeline",
        pipelines_dir="pipelines",
        destination=dlt.destinations.duckdb("warehouse.duckdb"),
        dataset_name="imagine_api_data",
    )
    pipeline.run(imagine_api_source())


def ours(url: str) -> None:
    """What `genai load imagine_api --table images --from ... --to ...` does."""
    from genai_orchestration.cli import main

    os.environ["SOURCES__IMAGINE_API_SOURCE__API_KEY"] = KEY
    os.environ["SOURCES__IMAGINE_API_SOURCE__BASE_URL"] = url
    os.environ["GENAI_HOME"] = "."
    last: date = FIRST.date() + timedelta(days=DAYS + 1)
    main(
        ["load", "imagine_api", "--from", str(FIRST.date()), "--to", str(last)],
        standalone_mode=False,
    )


VARIANTS = {"seed": seed, "ours": ours}


@dataclass(frozen=True)
class Measured:
    """One run of a variant."""

    variant: str
    rows: int
    seconds: float
    megabytes: float  # peak memory of the process

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def measure(variant: str, url: str) -> Measured:
    """Run a variant in an empty folder, and count what arrived."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--run", variant, "--url", url],
            cwd=folder,
            env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"{variant} failed"
        with duckdb.connect(str(Path(folder) / "warehouse.duckdb")) as connection:
            rows = connection.execute("SELECT count(*) FROM imagine_api_data.images").fetchall()
    return Measured(variant, rows[0][0], seconds, _megabytes(usage))


def _megabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def main() -> None:
    """Measure both, print the table and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--run", choices=VARIANTS)
    parser.add_argument("--url")
    chosen = parser.parse_args()
    if chosen.run:
        VARIANTS[chosen.run](chosen.url)
        return
    grid = Table("variant", "rows", "seconds", "rows/s", "peak MB")
    with serving(chosen.records) as url:
        best = {"seed": 0.0, "ours": 0.0}
        for variant in ("ours", "seed", "ours"):
            run = measure(variant, url)
            best[variant] = max(best[variant], run.rate)
            grid.add_row(
                variant,
                f"{run.rows:,}",
                f"{run.seconds:.2f}",
                f"{run.rate:,.0f}",
                f"{run.megabytes:,.0f}",
            )
    Console().print(grid)
    print(f"ratio: {best['ours'] / best['seed']:.1f} times the seed's script; target {TARGET}")


if __name__ == "__main__":
    main()
