"""The `genai` command: thin; imports Dagster and dlt only in the commands that need them."""

import click


@click.group()
def main() -> None:
    """Generative-image providers as Dagster assets in your own warehouse."""
