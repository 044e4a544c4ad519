"""Long-running work at the providers, as pure Python: what to look at, and what to do about it.

Dagster is never imported here; `orchestration/` is the shell.
"""
