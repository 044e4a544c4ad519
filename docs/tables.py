"""The README's tables of assets, jobs and sensors, written from the code: `make tables`.

code location ─► first sentence of each description ─► Markdown ─► between the README's markers
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dagster as dg

from genai_orchestration.definitions import defs
from genai_orchestration.loading.generations import OWN
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Table
from genai_orchestration.warehouse import Dataset

README = Path(__file__).parent.parent / "README.md"
KEPT = {"replace": "replaced as a whole", "merge": "merged", "append": "a row per look"}
PAID = "merged; group `spends_credits`"
NONE = "none"


def tables() -> dict[str, str]:
    """Each table by the name that its markers have."""
    found = defs()
    return {
        "assets": _markdown(("asset", "how", "what"), _assets(found)),
        "jobs": _markdown(("job", "schedule", "when (UTC)", "what"), _jobs(found)),
        "sensors": _markdown(("sensor", "what it does"), _sensors(found)),
    }


def written(text: str) -> str:
    """The text with its tables as the code location is now."""
    for name, table in tables().items():
        begin, end = f"<!-- {name}: make tables -->\n", f"\n<!-- /{name} -->"
        before, rest = text.split(begin, 1)
        text = before + begin + table + end + rest.split(end, 1)[1]
    return text


def _assets(found: dg.Definitions) -> Iterator[Sequence[str]]:
    graph = found.resolve_asset_graph()

    def row(owner: Dataset, name: str, how: str) -> Sequence[str]:
        key = asset_key(owner, name)
        return _code(key.to_user_string()), how, first_sentence(graph.get(key).description)

    for provider in all_providers():
        yield from (row(provider, table.name, _how(table)) for table in provider.all_tables)
        yield from (row(provider, operation.name, PAID) for operation in provider.operations)
    yield from (row(OWN, table.name, _how(table)) for table in OWN.all_tables)


def _how(table: Table) -> str:
    return f"{KEPT[table.disposition]}{', partitioned by UTC day' if table.by_day else ''}"


def _jobs(found: dg.Definitions) -> Iterator[Sequence[str]]:
    schedules = [each for each in found.schedules or () if isinstance(each, dg.ScheduleDefinition)]
    for schedule in schedules:
        cron = str(schedule.cron_schedule)
        what = first_sentence(schedule.description)
        yield _code(schedule.job_name), _code(schedule.name), _code(cron), what
    scheduled = {schedule.job_name for schedule in schedules}
    for job in found.jobs or ():
        if job.name not in scheduled:
            yield _code(job.name), NONE, NONE, first_sentence(job.description)


def _sensors(found: dg.Definitions) -> Iterator[Sequence[str]]:
    for sensor in found.sensors or ():
        yield _code(sensor.name), first_sentence(sensor.description)


def first_sentence(text: str | None) -> str:
    """What the web UI says first, as a cell."""
    return re.split(r"(?<=\.)\s", text or "", maxsplit=1)[0].replace("|", "\\|")


def _code(name: str) -> str:
    return f"`{name}`"


def _markdown(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
