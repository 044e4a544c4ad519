"""Runs: how they are launched, retried, resumed, stopped, and what became of them."""
