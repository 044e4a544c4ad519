"""GENAI_HOME in a folder with an odd name: its rows are right, or it is refused at the start."""

from pathlib import Path

import pytest

from genai_orchestration import warehouse
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.imagine_api import PROVIDER, imagine_api_source
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import UNFIT, Settings, UnfitHome
from genai_orchestration_tests.providers.loading import load, read, select

# Hive partitions, patterns, and what shells, URLs, fsspec and SQL make something of
ODD = [
    "status=x",
    "a*b",
    "**",
    "a[b]c",
    "[!a]",
    "{c,d}",
    'e;"f"',
    "g\nh\ti",
    "::~$HOME`&|",
    "@:+^",
    "é ",
]


def test_rows_are_right_in_a_home_of_any_name(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path.joinpath(*ODD)
    home.mkdir(parents=True)
    monkeypatch.setenv("GENAI_HOME", str(home))
    settings = Settings.load()
    for _ in range(2):
        load(settings, PROVIDER, imagine_api_source().with_resources("images"))
    served = {row["id"]: row["status"] for row in read(imagine_api_source(), "images")}
    stored = select(settings, PROVIDER, "SELECT id, status FROM {images}")
    assert dict(stored) == served
    assert len(stored) == len(served)
    assert settings.warehouse.is_file()
    with Ledger.open(settings):
        assert settings.ledger.is_file()


def test_files_of_another_home_are_not_loaded(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pattern, other = tmp_path / "a*", tmp_path / "ab"
    monkeypatch.setenv("GENAI_HOME", str(pattern))
    settings = Settings.load()
    source = imagine_api_source().with_resources("status")
    with warehouse.pipeline(PROVIDER, settings) as pipeline:
        pipeline.extract(source)
        pipeline.normalize()
        for file in pattern.rglob("*.parquet"):  # as a run of the other home at the same moment
            copied = Path(
                str(other / file.relative_to(pattern)).replace("new_jobs", "started_jobs")
            )
            copied.parent.mkdir(parents=True)
            copied.write_bytes(file.read_bytes())
        assert list(other.rglob("*.parquet"))
        pipeline.load().raise_on_failed_jobs()
    assert select(settings, PROVIDER, "SELECT count(*) FROM {status}") == [(1,)]


@pytest.mark.parametrize("odd", UNFIT)
def test_a_home_that_the_libraries_misread_is_refused(odd: str, tmp_path: Path) -> None:
    with pytest.raises(UnfitHome, match="choose another folder"):
        Settings.load({"GENAI_HOME": str(tmp_path / f"a{odd}b")})
