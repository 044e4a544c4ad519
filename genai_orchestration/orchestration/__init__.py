"""Dagster: one file per concept, everything built from `Provider` values."""
