"""Generative-image providers as Dagster assets in the team's own warehouse, through dlt."""
