"""The first code that runs in a launched process. Imports next to nothing: every worker pays each millisecond.

The interpreter was started with ``-c`` and a line that reads the boot record and takes over ``sys.path`` from it, so
that from the first import on this process finds what its parent finds.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType, ModuleType

from anypool._launch import _inherited, _multiprocessing
from anypool._launch._lifeline import die_with_parent

TYPE_CHECKING = False  # typing itself is a tenth of the boot time
if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]


def main(record: dict[str, Any]) -> None:
    """Become the process that ``record`` describes, and call its entry."""
    if record["die_with_parent"]:
        die_with_parent(record["lifeline"])
    # What a program defines in its __main__ is put here by value; the -c line's own names must not be found there.
    program = ModuleType("__main__")
    program.__dict__.update(__builtins__=__builtins__, __anypool_worker__=True)
    sys.modules["__main__"] = program
    sys.argv[:] = record["argv"]
    if not record["keyboard_interrupt"] and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # A handler that does nothing, not SIG_IGN: that would be inherited by the programs that a task starts.
        signal.signal(signal.SIGINT, _leave_it_to_the_parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])
    _multiprocessing.install(record)
    _inherited.domain = record["domain"]
    module, _, name = record["entry"].partition(":")
    entry = getattr(import_module(module), name)
    entry(record.pop("payload"), record["lifeline"])


def _leave_it_to_the_parent(number: int, frame: FrameType | None) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes at once: the parent decides what it means (E12)."""
