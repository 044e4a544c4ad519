"""The durable record of paid requests and of the jobs that they have begun.

Every transition is one transaction with a guard on the state that it leaves. Nothing is sent from
here, and no provider is asked.
"""

from genai_orchestration.ledger.ledger import Ledger

__all__ = ["Ledger"]
