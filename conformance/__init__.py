"""The product and its sandbox against a real Directus: `make conformance`.

    install.py ─npm─► directus.py ─a server, its database─► schema.py ─► ImagineAPI's collections
                                                                                 │
            the contract suite (the very files that `make test` runs on the sandbox), and
            test_end_to_end.py (sensor, backfill, paid requests; bot.py is Midjourney)
                                                                                 │
                                         docs/conformance.md ◄─ __main__.py ◄────┘

Only a developer's machine runs this: nothing here belongs to the package.
"""
