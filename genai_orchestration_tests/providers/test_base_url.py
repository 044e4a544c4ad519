"""A base_url that was copied with a path of the API in it is understood."""

import pytest

from genai_orchestration.providers import provider_named
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.sources import account_of, base_url_of
from genai_orchestration_tests.support.command import genai, variable

COPIED = [
    ("imagine_api", "/items/images/"),
    ("imagine_api", "/items/images"),
    ("imagine_api", "/items"),
    ("imagine_api", "/admin/content/images"),
    ("imagine_api", "/items/images?limit=1"),
    ("imagine_api", "/"),
    ("magic_hour", "/v1"),
    ("magic_hour", "/v1/"),
    ("magic_hour", "/v1/ai-image-generator"),
    ("abyssale", "/designs"),
    ("abyssale", "/async/banner-builder/"),
    ("abyssale", "/v1/"),
    ("abyssale", ""),
]


@pytest.mark.parametrize(("name", "path"), COPIED)
def test_a_path_of_the_api_is_left_out(
    name: str, path: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = provider_named(name)
    root = base_url_of(provider)
    monkeypatch.setenv(variable(name, "base_url"), f" {root}{path} ")
    assert account_of(provider, None, None).base_url.rstrip("/") == root
    assert base_url_of(provider).rstrip("/") == root
    said = genai("doctor").out
    assert f"{provider.title} answers at {root}" in said


@pytest.mark.parametrize("name", ["abyssale", "imagine_api", "magic_hour"])
def test_the_vendors_own_address_stays_as_it_is(name: str) -> None:
    provider = provider_named(name)
    assert base_url_of(provider) == provider.base_url


@pytest.mark.parametrize("odd", ["http://", "https:///items", "items/images", "ftp://x/items"])
def test_what_is_no_address_is_refused_as_before(odd: str, sandbox: Sandbox) -> None:
    provider = provider_named("imagine_api")
    with pytest.raises(WrongSetting, match="is not an http"):
        provider.source(base_url=odd)
