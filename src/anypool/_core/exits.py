"""How a process ended, in words."""

from __future__ import annotations

import signal

__all__ = ["UNKNOWN_EXITCODE", "describe_exit"]

#: Where somebody else reaped the child (``SIGCHLD`` ignored, or a ``waitpid(-1)``); the number asyncio uses for it.
UNKNOWN_EXITCODE = 255


def describe_exit(exitcode: int | None) -> str:
    """Say in words how a process ended, with a hint where the number alone says little."""
    if exitcode is None or exitcode == UNKNOWN_EXITCODE:
        return "ended (its exit code is unknown)"
    if exitcode >= 0:
        return f"exited with status {exitcode}"
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = f"signal {-exitcode}"
    hint = _HINTS.get(name, "")
    return f"was ended by {name}" + (f" ({hint})" if hint else "")


_HINTS = {
    "SIGKILL": "somebody killed it, or the kernel did because memory ran out: see dmesg, use fewer workers",
    "SIGSEGV": "a crash in native code: run with faulthandler enabled (python -X faulthandler) to see where",
    "SIGBUS": "a crash in native code, or a full /dev/shm",
    "SIGABRT": "native code gave up: see the lines it wrote",
    "SIGFPE": "an arithmetic error in native code",
    "SIGILL": "native code that this CPU cannot run",
    "SIGXCPU": "its limit of CPU time was reached",
    "SIGTERM": "somebody ended it",
}
