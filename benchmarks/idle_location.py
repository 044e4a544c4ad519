"""The bare location with sensors that do nothing, at the intervals that the environment names."""

import os

import dagster as dg

from benchmarks import bare_location

INTERVALS = os.environ["BENCH_INTERVALS"]  # seconds, with commas between
job = dg.define_asset_job("numbers_job", selection=[bare_location.numbers_assets])


def _sensor(number: int, seconds: int) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"sensor_{number}",
        job=job,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def nothing() -> dg.SkipReason:
        return dg.SkipReason("Nothing to do.")

    return nothing


defs = dg.Definitions.merge(
    bare_location.defs,
    dg.Definitions(
        jobs=[job],
        sensors=[
            _sensor(number, int(seconds)) for number, seconds in enumerate(INTERVALS.split(","))
        ],
    ),
)
