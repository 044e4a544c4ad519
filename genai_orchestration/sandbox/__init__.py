"""A local server that speaks the providers' APIs: what the demo and the tests talk to.

    client ──HTTP──► Traffic (log, faults) ──► /<provider>/…  the provider's own sandbox.py
                                          └──► /_admin/…      clock and faults

Each provider brings `sandbox.py` with `create(clock) -> ProviderSandbox`; this package knows no
provider by name. The product has no test mode: a sandbox is nothing but a `base_url`.
"""
