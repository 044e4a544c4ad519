"""Which environment variables dlt may read for us: those that are addressed to something.

    DESTINATION__POSTGRES__CREDENTIALS   has a section: somebody meant it
    DEV_MODE, REFRESH, DATABASE, HOST    has none: as likely another program's, so it is ignored

dlt looks each option up by its sections and, last of all, by its bare name. Such a name could send
rows into another dataset, drop tables, or change what is stored.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.environ import EnvironProvider
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

CLOUDS = ("aws_", "azure_")  # what the clouds' own programs read as well: AWS_ACCESS_KEY_ID


class AddressedVariables(EnvironProvider):
    """dlt's reader of environment variables, without the bare names."""

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any | None, str]:
        """The value of a variable that has a section, and the variable's name."""
        if not (pipeline_name or any(sections) or key.lower().startswith(CLOUDS)):
            return None, self.get_key_name(key)
        return super().get_value(key, hint, pipeline_name or "", *sections)


class _Use:
    """How many with blocks are open in this process, and what dlt has read before the first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.before: ConfigProvider | None = None


_use = _Use()
_VARIABLES = AddressedVariables()


@contextlib.contextmanager
def addressed_variables() -> Iterator[None]:
    """dlt ignores bare names for the length of a with block; blocks may overlap in threads."""
    with _use.lock:
        providers = Container()[PluggableRunContext].providers
        if _use.blocks == 0:
            _use.before = providers[_VARIABLES.name]
            providers[_VARIABLES.name] = _VARIABLES
        _use.blocks += 1
    try:
        yield
    finally:
        with _use.lock:
            _use.blocks -= 1
            if _use.blocks == 0 and _use.before is not None:
                providers[_VARIABLES.name] = _use.before
