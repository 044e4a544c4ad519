"""The providers: one folder each, pure dlt and HTTP, found in this folder.

Adding a provider is adding a folder whose `__init__.py` has a `PROVIDER`, beside its `source.py`
and its `sandbox.py`. Dagster is never imported here.
"""

import functools
import importlib
import pkgutil

from genai_orchestration.errors import UserError
from genai_orchestration.providers.base import Provider


class UnknownProvider(UserError):
    """No folder here has that name."""


@functools.cache
def all_providers() -> tuple[Provider, ...]:
    """Every provider, in alphabetical order of its folder."""
    folders = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)
    return tuple(importlib.import_module(f"{__name__}.{name}").PROVIDER for name in folders)


def provider_named(name: str) -> Provider:
    """The provider of that name; UnknownProvider names the ones there are."""
    by_name = {provider.name: provider for provider in all_providers()}
    if name not in by_name:
        known = ", ".join(by_name)
        raise UnknownProvider(f"There is no provider {name!r}. Choose one of: {known}.")
    return by_name[name]
