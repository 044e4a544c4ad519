"""Doubles with the signature of what they stand in for: a call that it would refuse fails."""

from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import pytest


def replace(
    patch: pytest.MonkeyPatch, owner: object, name: str, double: Callable[..., Any]
) -> None:
    """Put `double` in the place of a function of a module, a class or an object."""
    patch.setattr(owner, name, create_autospec(getattr(owner, name), side_effect=double))
