"""The interpreter's exit, and forks of the program: what pools that run have to do then.

The executor's own exit handling ends pools that are held. Here are those whose executor was dropped while they still
had work, which the standard library would finish too.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anypool._pool._supervisor import Supervisor

__all__ = ["running"]

#: Pools whose thread runs.
running: set[Supervisor] = set()


def _at_exit() -> None:
    # Ctrl-C ended the program: nobody wants to wait for the rest (E12).
    kind = getattr(sys, "last_type", None)
    interrupted = isinstance(kind, type) and issubclass(kind, KeyboardInterrupt)
    for supervisor in list(running):
        if supervisor.closing and interrupted:
            supervisor.stop(force=True)
    try:
        for supervisor in list(running):
            if supervisor.closing:
                supervisor.join()
    except KeyboardInterrupt:
        for supervisor in list(running):
            supervisor.stop(force=True)
        raise


def _after_fork_in_child() -> None:
    for supervisor in list(running):
        supervisor.abandon()
    running.clear()


# Before the interpreter joins its threads, and before handlers of atexit; as concurrent.futures does it.
threading._register_atexit(_at_exit)  # type: ignore[attr-defined]  # not in typeshed
os.register_at_fork(after_in_child=_after_fork_in_child)
