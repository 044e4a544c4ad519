"""Interrupts of dlt's steps: what normalizing and loading have begun, they finish.

    extract ─────────► Ctrl-C, or Dagster's Terminate, ends it at once
    normalize, load ─► it is noted ─► running jobs end, no other begins ─► KeyboardInterrupt

A merge that went on in a thread after its lease is free could meet the next one in the dataset.
"""

import contextlib
from collections.abc import Iterator

from dlt.common.runtime import signals


@contextlib.contextmanager
def finishing() -> Iterator[None]:
    """Raise an interrupt at the end of the with block; dlt forgets one that comes in its last job.

    A second interrupt is obeyed at once. Outside the main thread nothing is intercepted.
    """
    with signals.intercepted_signals():
        yield
        signals.raise_if_signalled()
