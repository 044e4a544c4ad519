"""Whether all is there, once and equal: truth and what was found go in, differences come out.

A difference is a sentence about one thing. The counts are for people; only differences decide.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from genai_orchestration.providers.imagine_api.sandbox.time import instant
from genai_orchestration_tests.soak.found import IMAGE, Found, Row, Tick
from genai_orchestration_tests.soak.truth import FileOf, Truth

STUCK_AFTER = timedelta(minutes=3)  # a run that is not over then
FINAL_STATES = ("SUCCEEDED", "FAILED", "CANCELED", "GONE")
DECIDED = ("submitted", "rejected", "abandoned")  # states of a request that need nobody any more
ENDED = (  # parts of the errors of ticks whose process has ended
    "DagsterUserCodeUnreachableError",
    "DagsterUserCodeProcessError",
    "DagsterCodeLocationNotFoundError",  # while it is being started again
    # of Dagster's daemon, when `genai dev` ends it in the middle of a tick
    "cannot schedule new futures after shutdown",
)
SLACK_SECONDS = 5.0

Outage = tuple[float, float]  # from a kill until all processes were there again


def differences(truth: Truth, found: Found, keys: Sequence[str], now: datetime) -> list[str]:
    """What is not as it should be, but for the bytes of files and for red ticks."""
    return [
        *(f"{truth.open} images are not over yet." for _ in range(bool(truth.open))),
        *_images(truth, found),
        *_jobs(truth, found),
        *_files(truth, found),
        *_generations(truth, found),
        *_requests(truth, found, keys),
        *(
            f"The {job['provider']} job {job['job_id']} is {job['state']}, loaded {job['loaded']}, "
            f"archived {job['archived']}."
            for job in found.open_jobs
        ),
        *(
            f"The run {run} has not ended since {made:%H:%M:%S}."
            for run, made in found.unfinished.items()
            if now - made > STUCK_AFTER
        ),
    ]


def _once(what: str, expected: set[str], got: Sequence[str]) -> Iterator[str]:
    counted = Counter(got)
    yield from (f"{what} {id_} is missing." for id_ in sorted(expected - counted.keys()))
    yield from (f"{what} {id_} is there, and not at the API." for id_ in counted.keys() - expected)
    yield from (f"{what} {id_} is there {n} times." for id_, n in counted.items() if n > 1)


def _images(truth: Truth, found: Found) -> Iterator[str]:
    yield from _once("images: the row of", set(truth.images), [row["id"] for row in found.images])
    for row in found.images:
        if image := truth.images.get(row["id"]):
            expected = {**image, "date_created": instant(image["date_created"])}
            odd = [name for name in IMAGE if row[name] != expected[name]]
            if list(row["upscaled_urls"] or ()) != list(image["upscaled_urls"] or ()):
                odd.append("upscaled_urls")
            if odd:
                yield f"images: the row of {row['id']} differs in {', '.join(odd)}."


def _jobs(truth: Truth, found: Found) -> Iterator[str]:
    for provider, ids in found.jobs.items():
        yield from _once(f"{provider}: the row of job", truth.ids(provider), ids)


def _files(truth: Truth, found: Found) -> Iterator[str]:
    rows = _by_file(found)
    yield from _once(
        "asset_file: the row of", set(map(_name, truth.files)), [_name(of) for of, _ in rows]
    )
    for of, row in rows:
        if row["state"] != "archived":
            yield f"asset_file: {_name(of)} is {row['state']}: {row['reason']}"


def _generations(truth: Truth, found: Found) -> Iterator[str]:
    expected = {f"{name} {id_}" for name in truth.jobs for id_ in truth.ids(name)}
    rows = {f"{row['provider']} {row['job_id']}": row for row in found.generations}
    # banners that were there before are no job of anybody's request
    got = [
        f"{row['provider']} {row['job_id']}"
        for row in found.generations
        if row["provider"] != "abyssale" or row["job_id"] in truth.ids("abyssale")
    ]
    yield from _once("generations: the row of", expected, got)
    files = Counter((of[0], of[1]) for of in truth.files)
    for name in sorted(expected & rows.keys()):
        row = rows[name]
        if row["state"] not in FINAL_STATES:
            yield f"generations: {name} is {row['state']}."
        due = files[row["provider"], row["job_id"]]
        if (row["files"] or 0) != due or len(row["sha256s"] or ()) != due:
            yield f"generations: {name} has {row['files']} files of {due}."


def _requests(truth: Truth, found: Found, keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        jobs = next((jobs[key] for jobs in truth.jobs.values() if key in jobs), [])
        row = found.requests.get(key)
        if row is None:
            yield f"The request {key} was not planned."
            continue
        if len(jobs) > 1:
            yield f"The request {key} was paid for {len(jobs)} times: {', '.join(jobs)}."
        if row["state"] not in DECIDED:
            yield f"The request {key} is {row['state']}: {row['error_text']}"
        if row["state"] == "submitted" and jobs != [row["provider_job_id"]]:
            yield f"The request {key} is job {row['provider_job_id']}, at the provider {jobs}."
        if row["state"] in ("rejected", "abandoned") and jobs:
            yield f"The request {key} is {row['state']}, and the provider made {jobs} of it."


def torn(
    truth: Truth,
    found: Found,
    served: Callable[[FileOf, str], str],
    archived: Callable[[str], str | None],
    kept: set[str],
) -> Iterator[str]:
    """Files that are not byte for byte what is served, and files that nobody serves."""
    known = set()
    for of, row in _by_file(found):
        if row["state"] != "archived" or of not in truth.files:
            continue
        true, there = served(of, truth.files[of]), archived(row["archived_path"])
        known.add(row["archived_path"])
        if there is None:
            yield f"archive: {_name(of)} is not at {row['archived_path']}."
        elif not true == there == row["sha256"]:
            yield f"archive: {_name(of)} is {there[:12]}, at the provider {true[:12]}."
    yield from (f"archive: {path} is no file of the provider's." for path in sorted(kept - known))


def red(found: Found, outages: Sequence[Outage]) -> tuple[list[str], int]:
    """Ticks that failed; and how many more failed for a process that ended under them."""
    bad = [tick for tick in found.red if not _killed(tick, outages)]
    told = [f"tick: {tick.name} failed: {' '.join(tick.text.split())[:400]}" for tick in bad]
    return told, len(found.red) - len(bad)


def _killed(tick: Tick, outages: Sequence[Outage]) -> bool:
    """Whether its code server or its daemon had ended, while one was known to be dead."""
    while_dead = any(
        tick.began <= end + SLACK_SECONDS and tick.ended >= start - SLACK_SECONDS
        for start, end in outages
    )
    return while_dead and any(part in tick.text for part in ENDED)


def _by_file(found: Found) -> list[tuple[FileOf, Row]]:
    return [
        ((provider, row["job_id"], row["role"]), row)
        for provider, rows in found.files.items()
        for row in rows
    ]


def _name(of: FileOf) -> str:
    return " ".join(of)


def counts(truth: Truth, found: Found) -> dict[str, Any]:
    """How many there are of what, at the provider and here."""
    archived = sum(row["state"] == "archived" for _, row in _by_file(found))
    states = Counter(row["state"] for row in found.requests.values())
    jobs = sum(len(truth.ids(name)) for name in truth.jobs if name != "imagine_api")
    return {
        "images at ImagineAPI / rows": f"{len(truth.images)} / {len(found.images)}",
        "other jobs / rows": f"{jobs} / {sum(map(len, found.jobs.values()))}",
        "files served / archived": f"{len(truth.files)} / {archived}",
        "generations": len(found.generations),
        "paid requests": _listed(states),
        "ticks": _listed(found.ticks),
        "runs": _listed(found.runs),
    }


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{number} {name.lower()}" for name, number in counted.most_common())
