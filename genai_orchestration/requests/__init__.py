"""What is asked for: requests from files, cells and options; their payloads, mistakes, prices.

Nothing here is written down or sent. A request that is planned belongs to the ledger.
"""
