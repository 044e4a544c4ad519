"""The command `genai`: one file a group of commands. Only what is typed and printed belongs here.

Dagster, dlt and SQLAlchemy are imported inside of commands, so that `genai --help` answers at once.
"""

from genai_orchestration.cli.genai import main

__all__ = ["main"]
