"""1,000 finished files of 1.5 MB into the archive, beside `curl --parallel`, on the same disk.

Ours is `genai archive`, a process from Python's start to its end: it reads the warehouse for what
is missing, fetches 16 files at once, looks at what each one is, hashes it (SHA-256), syncs it to
the disk before it gets its name, and loads a row for each. curl has the addresses in a file, and
fetches 16 at once without any of that; the second line gives it `sha256sum` and `sync` to do. The
server has all files in memory. Each figure is the best of some turns.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import duckdb
import orjson

from benchmarks.file_server import BYTES, serving_files
from benchmarks.image_server import FIRST, Images, record, serving
from benchmarks.measuring import GENAI, Line, Measured, home, process

IMAGES, DAYS = 200, 7
FILES = 5 * IMAGES  # a grid and four quadrants each
AT_ONCE = 16
LATENCY = 0.05
TURNS = 2
TARGET, PEAK = 0.7, 200  # of curl's rate; megabytes
DAY = timedelta(days=1)
WINDOW = ("--from", str(FIRST.date()), "--to", str(FIRST.date() + DAYS * DAY))
EMPTY = ("--from", str(FIRST.date() - DAY), "--to", str(FIRST.date()))
CURL = f"curl --fail --silent --show-error --parallel --parallel-max {AT_ONCE} --config urls.txt"
HASHED = f"{CURL} && sha256sum files/* > sums && sync --file-system files"


def run() -> Iterator[Line]:
    """All lines of this part."""
    if not shutil.which("curl"):
        yield Line(measure=f"{FILES:,} files of 1.5 MB", ours="", alternative="no curl here")
        return
    with serving(Images(total=IMAGES, days=DAYS)) as images, home(images.url) as (loaded, known):
        process([GENAI, "load", "imagine_api", *WINDOW], known, loaded)
        with serving_files() as url:
            archive, curl = partial(_ours, url, loaded, FILES), partial(_curl, url, CURL)
            hashing, empty = partial(_curl, url, HASHED), partial(_ours, url, loaded, 0)
            ours, plain, hashed, nothing = _best(archive, curl, hashing, empty)
        with serving_files(LATENCY) as url:
            archive, curl = partial(_ours, url, loaded, FILES), partial(_curl, url, CURL)
            slow, plain_slow = _best(archive, curl)
    yield _rate("no latency", ours, plain, nothing)
    yield _rate("50 ms a request", slow, plain_slow, nothing)
    yield _beside_hashed(ours, hashed)
    yield _peak(ours, nothing)


def _best(*measures: Callable[[], Measured]) -> list[Measured]:
    """The best of each, measured in turn: what else the machine does is the same for all."""
    taken = [[measure() for measure in measures] for _ in range(TURNS)]
    return [min(own, key=lambda one: one.seconds) for own in zip(*taken, strict=True)]


def _ours(url: str, loaded: Path, files: int) -> Measured:
    """Archive all files; or none, of a day without images."""
    window = WINDOW if files else EMPTY
    with home(url) as (folder, environment):
        shutil.copytree(loaded, folder, dirs_exist_ok=True)
        os.sync()  # else it would wait for what was written before
        measured = process([GENAI, "archive", "imagine_api", *window], environment, folder)
        _check(folder / "archive", files)
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
            sql = "SELECT count(*) FROM imagine_api_data.asset_file WHERE state = 'archived'"
            assert connection.execute(sql).fetchall() == [(files,)]
    return measured


def _curl(url: str, command: str) -> Measured:
    with home() as (folder, environment):
        (folder / "files").mkdir()
        lines = (f'url = "{url}/assets/{id_}"\noutput = "files/{id_}.png"\n' for id_ in _ids())
        (folder / "urls.txt").write_text("".join(lines))
        os.sync()
        measured = process(["sh", "-c", command], environment, folder)
        _check(folder / "files", FILES)
    return measured


def _ids() -> Iterator[str]:
    """The ids of all files."""
    for number in range(IMAGES):
        image = orjson.loads(record(number, ""))
        for address in (image["url"], *image["upscaled_urls"]):
            yield address.split("/")[-2]


def _check(folder: Path, files: int) -> None:
    """All files are there, and whole."""
    sizes = [path.stat().st_size for path in folder.rglob("*.png")]
    assert sizes == [BYTES] * files, f"{len(sizes)} files, {sum(sizes):,} bytes"


def _rate(what: str, ours: Measured, curl: Measured, nothing: Measured) -> Line:
    ratio = curl.seconds / ours.seconds
    fetching = ours.seconds - nothing.seconds
    return Line(
        measure=f"{FILES:,} files of 1.5 MB, {what}",
        ours=f"{_shown(ours.seconds)}, {ours.seconds:.1f} s",
        alternative=f"curl: {_shown(curl.seconds)}, {curl.seconds:.1f} s",
        ratio=ratio,
        target=f"at least {TARGET}",
        reached=ratio >= TARGET,
        why=f"{nothing.seconds:.1f} s of ours are Python's start, a look into the warehouse and a "
        f"load, as of a day without files. The rest is {_shown(fetching)}, "
        f"{curl.seconds / fetching:.2f} of curl, which neither hashes nor syncs.",
    )


def _beside_hashed(ours: Measured, hashed: Measured) -> Line:
    return Line(
        measure=f"{FILES:,} files of 1.5 MB, hashed and synced",
        ours=f"{_shown(ours.seconds)}, {ours.seconds:.1f} s",
        alternative=f"curl, sha256sum, sync: {_shown(hashed.seconds)}, {hashed.seconds:.1f} s",
        ratio=hashed.seconds / ours.seconds,
    )


def _peak(ours: Measured, nothing: Measured) -> Line:
    return Line(
        measure=f"peak memory of archiving {FILES:,} files",
        ours=f"{ours.megabytes:,.0f} MB",
        alternative=f"no file: {nothing.megabytes:,.0f} MB",
        target=f"under {PEAK} MB",
        reached=ours.megabytes < PEAK,
        why=f"of it, {max(0.0, ours.megabytes - nothing.megabytes):,.0f} MB are for the files and "
        "their rows; the rest are libraries, pandas among them, which pyarrow imports where it is "
        "installed.",
    )


def _shown(seconds: float) -> str:
    return f"{FILES * BYTES / 1e6 / seconds:,.0f} MB/s"
