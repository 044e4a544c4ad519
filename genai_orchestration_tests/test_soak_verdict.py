"""The verdict of a soak sees what is missing, twice, different, stuck, red or paid for twice."""

import copy
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from genai_orchestration_tests.soak import verdict
from genai_orchestration_tests.soak.found import Found, Tick
from genai_orchestration_tests.soak.truth import FileOf, Truth

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
IMAGE = {
    "id": "i1",
    "prompt": "a red fox",
    "date_created": "2026-11-28T11:00:00.000Z",
    "status": "completed",
    "url": "http://sandbox/grid",
    "error": None,
    "ref": None,
    "upscaled_urls": ["http://sandbox/one"],
}
GRID: FileOf = ("imagine_api", "i1", "grid")
QUADRANT: FileOf = ("imagine_api", "i1", "quadrant_1")
KEYS = ["soak-magic_hour-0"]
SHA = {GRID: "a" * 64, QUADRANT: "b" * 64, ("magic_hour", "m1", "output_1"): "c" * 64}


def truth() -> Truth:
    jobs = {"imagine_api": {}, "abyssale": {}, "magic_hour": {KEYS[0]: ["m1"]}}
    urls = {of: f"http://sandbox/{of[2]}" for of in SHA}
    return Truth({"i1": IMAGE}, jobs, urls)


def found() -> Found:
    """All that there has to be."""
    rows = {
        of: {
            "job_id": of[1],
            "role": of[2],
            "state": "archived",
            "sha256": sha,
            "archived_path": f"{sha[:2]}/{sha}.png",
            "reason": None,
        }
        for of, sha in SHA.items()
    }
    created = datetime(2026, 11, 28, 11, tzinfo=timezone.utc)
    return Found(
        images=[{**IMAGE, "date_created": created}],
        files={
            "imagine_api": [rows[GRID], rows[QUADRANT]],
            "magic_hour": [rows["magic_hour", "m1", "output_1"]],
            "abyssale": [],
        },
        jobs={"magic_hour": ["m1"], "abyssale": []},
        generations=[
            {"provider": "imagine_api", "job_id": "i1", "state": "SUCCEEDED"}
            | {"files": 2, "sha256s": {"grid": "a", "quadrant_1": "b"}},
            {"provider": "magic_hour", "job_id": "m1", "state": "SUCCEEDED"}
            | {"files": 1, "sha256s": {"output_1": "c"}},
        ],
        requests={
            KEYS[0]: {"state": "submitted", "provider_job_id": "m1", "error_text": None},
        },
        open_jobs=[],
        ticks=Counter(SUCCESS=3),
        red=[],
        runs=Counter(SUCCESS=3),
        unfinished={"young": NOW - timedelta(seconds=10)},
    )


def test_where_all_is_there_nothing_differs() -> None:
    assert verdict.differences(truth(), found(), KEYS, NOW) == []
    assert list(torn()) == []


Change = Callable[[Truth, Found], object]
CHANGES: dict[str, tuple[Change, str]] = {
    "an open image": (lambda t, f: t.images["i1"].update(status="pending"), "1 images are not"),
    "no row": (lambda t, f: f.images.clear(), "row of i1 is missing"),
    "two rows": (lambda t, f: f.images.append(f.images[0]), "row of i1 is there 2 times"),
    "another prompt": (lambda t, f: f.images[0].update(prompt="?"), "differs in prompt"),
    "other quadrants": (
        lambda t, f: f.images[0].update(upscaled_urls=[]),
        "differs in upscaled_urls",
    ),
    "a row of nobody": (
        lambda t, f: f.images.append({**f.images[0], "id": "x"}),
        "x is there, and not at the API",
    ),
    "no row of a job": (lambda t, f: f.jobs["magic_hour"].clear(), "row of job m1 is missing"),
    "no row of a file": (lambda t, f: f.files["imagine_api"].pop(), "quadrant_1 is missing"),
    "a failed file": (
        lambda t, f: f.files["imagine_api"][0].update(state="failed"),
        "i1 grid is failed",
    ),
    "no generation": (lambda t, f: f.generations.pop(), "magic_hour m1 is missing"),
    "an open generation": (lambda t, f: f.generations[0].update(state="RUNNING"), "is RUNNING"),
    "files not told": (lambda t, f: f.generations[0].update(files=1), "has 1 files of 2"),
    "a lost request": (lambda t, f: f.requests.clear(), "was not planned"),
    "paid twice": (lambda t, f: t.jobs["magic_hour"][KEYS[0]].append("m2"), "paid for 2 times"),
    "an unknown request": (
        lambda t, f: f.requests[KEYS[0]].update(state="unknown"),
        "soak-magic_hour-0 is unknown",
    ),
    "a job that is not its own": (
        lambda t, f: f.requests[KEYS[0]].update(provider_job_id="x"),
        "is job x, at the provider",
    ),
    "a no that was a yes": (
        lambda t, f: f.requests[KEYS[0]].update(state="rejected"),
        "is rejected, and the provider made",
    ),
    "a stuck job": (
        lambda t, f: f.open_jobs.append(
            {"provider": "magic_hour", "job_id": "m1", "state": "RUNNING"}
            | {"loaded": None, "archived": None}
        ),
        "job m1 is RUNNING",
    ),
    "a stuck run": (
        lambda t, f: f.unfinished.update(old=NOW - timedelta(hours=1)),
        "The run old has not ended",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_right_is_a_difference(change: str) -> None:
    true, seen = truth(), copy.deepcopy(found())
    true.images = copy.deepcopy(true.images)
    spoil, words = CHANGES[change]
    spoil(true, seen)
    assert any(words in each for each in verdict.differences(true, seen, KEYS, NOW))


def torn(**archived: str | None) -> list[str]:
    """The files that differ, when the archive has these checksums at these paths."""
    paths = {f"{sha[:2]}/{sha}.png": sha for sha in SHA.values()}
    there = {**paths, **{name.replace("_", "/"): sha for name, sha in archived.items()}}
    kept = {path for path, sha in there.items() if sha}
    return list(verdict.torn(truth(), found(), lambda of, url: SHA[of], there.get, kept))


def test_bytes_decide_whether_a_file_is_the_one_that_is_served() -> None:
    grid = f"aa/{'a' * 64}.png"
    assert torn(**{grid: "f" * 64}) == ["archive: imagine_api i1 grid is ffffffffffff, at the "
        "provider aaaaaaaaaaaa."]  # fmt: skip
    assert torn(**{grid: None}) == [f"archive: imagine_api i1 grid is not at {grid}."]
    assert torn(quarantine_x="d" * 64) == ["archive: quarantine/x is no file of the provider's."]


def test_a_red_tick_is_excused_only_by_the_end_of_its_process() -> None:
    def tick(text: str, began: float) -> Tick:
        return Tick("sensor", began, began + 1, "Error", text)

    gone = "DagsterUserCodeUnreachableError: Could not reach user code server"
    ended = "RuntimeError: cannot schedule new futures after shutdown"
    seen = found()
    seen.red = [tick(text, at) for text in (gone, ended) for at in (100, 500)]
    seen.red.append(tick("KeyError: 'data'", 100))
    red, excused = verdict.red(seen, [(95, 120)])
    assert (len(red), excused) == (3, 2)
    assert "KeyError" in red[2]
