"""A full disk is told as such, whoever notices it first."""

import errno
import sqlite3

import duckdb
import pytest
from dlt.destinations.exceptions import DestinationConnectionError

from genai_orchestration.destination_errors import DiskFull, in_words
from genai_orchestration.settings import Settings

WORDS = "Could not write file: No space left on device"


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        duckdb.IOException(WORDS),
        OSError(errno.ENOSPC, "No space left on device", "/anywhere"),
        DestinationConnectionError("duckdb", "d", WORDS, duckdb.IOException(WORDS)),
    ],
)
def test_it_is_never_taken_for_a_broken_warehouse(error: Exception, settings: Settings) -> None:
    try:
        raise RuntimeError("a step has failed") from error
    except RuntimeError as wrapped:
        told = in_words(wrapped, settings)
    assert isinstance(told, DiskFull)
    assert str(settings.home) in str(told)
