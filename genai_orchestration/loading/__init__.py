"""From the providers into tables: loads, what they report to the ledger, and genai.generations.

Free of charge, always. How a row gets into the warehouse is the business of the room warehouse.
"""

from genai_orchestration.loading.tables import load

__all__ = ["load"]
