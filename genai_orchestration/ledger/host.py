"""Who writes to the ledger, and by which clock: the account, the computer, the kernel's boot.

Times that different clocks have given are not compared: a second host's may be minutes ahead.
"""

import contextlib
import getpass
import os
import socket
import time
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STEP_SECONDS = 60  # a clock that was set by more than this is another clock afterwards


def who() -> str:
    """The account and the computer that this process runs as: `ada@laptop`."""
    name = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    with contextlib.suppress(OSError, KeyError, ImportError):  # a container's user has no name
        name = getpass.getuser()
    return f"{name}@{socket.gethostname()}"


def wall_clock() -> str:
    """What names this computer's clock: its kernel's boot, and when that was by the clock.

    Processes of one kernel share it, containers too. A clock that is set gives the boot another
    time, and so gets another name; see `is_same_clock`.
    """
    boot = socket.gethostname()
    with contextlib.suppress(OSError):
        boot = BOOT_ID.read_text().strip()
    since_boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux: it counts suspended time, too
    up = time.monotonic() if since_boot is None else time.clock_gettime(since_boot)
    return f"{boot}@{time.time() - up:.0f}"


def is_same_clock(one: str, other: str) -> bool:
    """Whether times that these two clocks have given can be compared."""
    (boot, _, began), (other_boot, _, other_began) = one.rpartition("@"), other.rpartition("@")
    if not (began.isdecimal() and other_began.isdecimal()):
        return one == other
    return boot == other_boot and abs(int(began) - int(other_began)) <= STEP_SECONDS
