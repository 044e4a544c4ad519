"""Measurements beside what a user would do instead; run them with `make bench`."""
