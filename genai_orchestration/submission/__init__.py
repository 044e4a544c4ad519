"""Paid requests, at most once: whether they may go, how they go, and what became of lost ones.

Nothing is planned here, and nothing is sent before the ledger has it.
"""
