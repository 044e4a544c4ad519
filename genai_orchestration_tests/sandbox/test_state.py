"""A sandbox with a file goes on where the process before it stopped."""

import os
from pathlib import Path

import pytest
import requests

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault

HEADERS = {"Authorization": f"Bearer {KEY}"}


def ask(sandbox: Sandbox, method: str, path: str, **options: object) -> requests.Response:
    url = f"{sandbox.url}{path}"
    return requests.request(method, url, headers=HEADERS, timeout=10, **options)  # type: ignore[arg-type]


def test_what_was_answered_for_is_there_in_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "sandbox"
    with Sandbox(kept=file).running() as first:
        prompt = {"prompt": "a red fox"}
        image = ask(first, "POST", "/imagine_api/items/images", json=prompt).json()["data"]["id"]
        body = {"image_count": 1, "style": {"prompt": "a sneaker"}}
        job = ask(first, "POST", "/magic_hour/v1/ai-image-generator", json=body).json()["id"]
        ask(first, "POST", "/_admin/clock", json={"advance": 60})
        done = ask(first, "GET", f"/magic_hour/v1/image-projects/{job}").json()
        signed = done["downloads"][0]["url"].removeprefix(first.url)
        picture = ask(first, "GET", signed).content
        balance = ask(first, "GET", "/magic_hour/v1/account").json()["credits"]
    with Sandbox(kept=file).running() as second:
        assert abs((second.clock.now() - first.clock.now()).total_seconds()) < 1
        again = ask(second, "GET", f"/imagine_api/items/images/{image}").json()["data"]
        assert (again["prompt"], again["status"]) == ("a red fox", "completed")
        # the address that was signed before opens the same file
        assert ask(second, "GET", signed).content == picture
        assert ask(second, "GET", "/magic_hour/v1/account").json()["credits"] == balance
        assert second.providers["magic_hour"].accepted == 1
        images = len(second.providers["imagine_api"].images)
        assert images == len(first.providers["imagine_api"].images)


def test_work_whose_answer_is_lost_is_kept_and_work_that_cannot_be_kept_is_not_answered_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sandbox"
    prompt = {"prompt": "a red fox"}
    with Sandbox(kept=file).running() as first:
        first.traffic.faults.append(Fault(kind="reset", path="/imagine_api"))
        with pytest.raises(requests.ConnectionError):
            ask(first, "POST", "/imagine_api/items/images", json=prompt)
        accepted = len(first.providers["imagine_api"].images)
    assert len(Sandbox(kept=file).providers["imagine_api"].images) == accepted
    with Sandbox(kept=file).running() as second:
        monkeypatch.setattr(os, "replace", lambda *paths: 1 / 0)
        answer = ask(second, "POST", "/imagine_api/items/images", json=prompt)
        assert answer.status_code == 500
    monkeypatch.undo()
    assert len(Sandbox(kept=file).providers["imagine_api"].images) == accepted


def test_pictures_of_one_prompt_differ(sandbox: Sandbox) -> None:
    made = sandbox.providers["imagine_api"]
    made.add([{"prompt": "a red fox", "seconds": -1} for _ in range(20)])
    rows = ask(sandbox, "GET", "/imagine_api/items/images?limit=20&sort=-date_created").json()
    urls = [url for row in rows["data"] for url in [row["url"], *row["upscaled_urls"]]]
    assert len({requests.get(url, timeout=10).content for url in urls}) == len(urls) == 100
