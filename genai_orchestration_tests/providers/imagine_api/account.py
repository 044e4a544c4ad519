"""An ImagineAPI account to read in tests: images put into the sandbox, and the client that asks."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import requests

from genai_orchestration.providers.base import Account
from genai_orchestration.providers.imagine_api import PROVIDER, api, imagine_api_source
from genai_orchestration.providers.imagine_api.client import ImageClient
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.loading import Row, load, select

LIST = "/imagine_api/items/images"
BEGINNING = date(2023, 1, 1)
MINUTE = timedelta(minutes=1)


def state(sandbox: Sandbox) -> ImagineApiSandbox:
    found = sandbox.providers["imagine_api"]
    assert isinstance(found, ImagineApiSandbox)
    return found


def emptied(sandbox: Sandbox) -> ImagineApiSandbox:
    """The account without the images that every sandbox starts with."""
    found = state(sandbox)
    found.images.clear()
    return found


def account(sandbox: Sandbox) -> Account:
    return Account(api_key=KEY, base_url=sandbox.base_url("imagine_api"))


def client(sandbox: Sandbox) -> ImageClient:
    return api.connect(KEY, sandbox.base_url("imagine_api"))


def raw(sandbox: Sandbox) -> list[Row]:
    """All images as the API itself gives them in one answer."""
    found: list[Row] = requests.get(
        f"{sandbox.url}{LIST}?limit=-1",
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    ).json()["data"]
    return found


def at(*moments: datetime, **more: Any) -> list[Spec]:
    """A finished image of each of these moments."""
    return [Spec(date_created=iso(moment), seconds=-60, **more) for moment in moments]


def apart(newest: datetime, number: int, step: timedelta, **more: Any) -> list[Spec]:
    """So many finished images, `step` apart, up to `newest`."""
    return at(*(newest - step * place for place in range(number)), **more)


def ids(pages: Iterable[api.Page]) -> list[str]:
    return [record["id"] for page in pages for record in page]


def load_images(settings: Settings, **chosen: Any) -> None:
    load(settings, PROVIDER, imagine_api_source(**chosen).with_resources("images"))


def stored(settings: Settings, id: str) -> tuple[Any, ...]:
    """The `status`, `state` and `url` of an image in the warehouse."""
    rows = select(
        settings, PROVIDER, f"SELECT status, state, url FROM {{images}} WHERE id = '{id}'"
    )
    assert len(rows) == 1
    return rows[0]
