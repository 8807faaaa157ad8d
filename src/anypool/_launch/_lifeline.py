"""The lifeline: a socket pair whose far end only the parent holds, so a child learns of its parent's death (E13).

::

    parent [end, close-on-exec] ======= [end] child      nothing is ever sent; the kernel closes it when the parent dies
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys

__all__ = ["die_with_parent"]

#: ``F_SETSIG`` of <fcntl.h>; the fcntl module has it only from Python 3.12 on, and not everywhere.
_F_SETSIG = 10


def die_with_parent(lifeline: int) -> None:
    """Arrange that this process is killed as soon as the far end of ``lifeline`` is closed.

    On Linux the kernel does it: the descriptor is set to raise SIGKILL on any event, so a busy worker dies too, even
    in a C call that holds the GIL. ``PR_SET_PDEATHSIG`` would be shorter, but it fires when the *thread* that started
    the child ends.
    """
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, _F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
        # The parent may have died before the lines above, and then no event comes any more.
        try:
            os.read(lifeline, 1)
        except BlockingIOError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        import _thread

        _thread.start_new_thread(_watch, (lifeline,))


def _watch(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)
