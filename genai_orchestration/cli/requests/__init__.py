"""`genai requests` and `genai jobs`: paid work from a wish to a file, and a person's tools for it.

    add, import ─► planned ─► plan (cost, mistakes, budget) ─► approve ─► submit ─► jobs list
      planning.py            costing.py                         │           │        following.py
                                 sending.py, stopping.py ───────┘           │
                                 deciding.py: resolve, abandon, retry ◄─────┘ unknown, failed
                                 listing.py: list, show

Only what is typed and printed belongs here: what happens is in `jobs`. Imports of dlt, SQLAlchemy
and rich are inside of commands, so that `genai --help` answers at once.
"""

# each of them adds its commands to the groups
from genai_orchestration.cli.requests import (  # noqa: F401
    costing,
    deciding,
    following,
    listing,
    planning,
    sending,
)
from genai_orchestration.cli.requests.groups import jobs, requests

__all__ = ["jobs", "requests"]
