"""`genai demo --once` as a person starts it: no key, no network but this host, state of its own."""

from pathlib import Path

import pytest

from genai_orchestration import warehouse
from genai_orchestration.providers import provider_named
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import MARK, genai, left_behind, process, tables


def test_the_tour_ends_with_every_image_final_but_the_stuck_ones_and_leaves_the_real_state_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_HOME", "zwölf Füchse")  # in the folder where it is typed
    settings = Settings.load()
    settings.home.mkdir()
    settings.warehouse.write_text("the real warehouse")
    said = process(
        "demo",
        "--once",
        GENAI_DESTINATION="postgres",  # the real one: not for the demo
        SOURCES__MAGIC_HOUR_SOURCE__API_KEY="a-real-key",
        HTTP_PROXY="http://127.0.0.1:9",  # a company's, which cannot reach this machine
        http_proxy="http://127.0.0.1:9",
        **{MARK: str(tmp_path)},
    )
    assert (said.code, said.err) == (0, ""), said
    assert "a-real-key" not in said.out

    demo = Settings(home=settings.home / "demo")
    stored = tables(demo)
    assert stored["imagine_api_data.images"] == 603  # three of them are paid requests of the demo
    stuck = warehouse.query(
        provider_named("imagine_api"),
        demo,
        "SELECT id FROM {images} WHERE state NOT IN ('SUCCEEDED', 'FAILED') ORDER BY id",
    )
    assert len(stuck or []) == 2
    assert f"Stuck, and so still open: {', '.join(row[0] for row in stuck or [])}." in said.out
    assert f"The warehouse is {demo.warehouse}" in said.out
    assert f"Every finished file is archived below {demo.archive}" in said.out
    archived = [path for path in Path(demo.archive).rglob("*") if path.is_file()]
    assert len(archived) == len({path.stem for path in archived}) > 2000
    # every image, three image projects, a generation request, and five banners by their ids
    assert stored["genai.generations"] == 603 + 3 + 1 + 5
    for table in ("designs", "images", "models"):
        assert f"│ {table} " in said.out

    assert settings.warehouse.read_text() == "the real warehouse"
    home = sorted(path.name for path in settings.home.iterdir())
    assert home == ["demo", "demo.lock", "warehouse.duckdb"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["zwölf Füchse"]
    assert left_behind(str(tmp_path)) == []


def test_the_demo_says_when_its_port_is_none() -> None:
    assert "'--port': 70000 is not in the range" in genai("demo", "--port", "70000").usage
