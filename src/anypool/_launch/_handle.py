"""A child process as its parent holds it: its exit code, its signals, and a descriptor that tells of its end.

Only this very process is ever waited for, by its id: the program's other children and its SIGCHLD handler are not ours.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from weakref import WeakSet

from anypool._core.exits import UNKNOWN_EXITCODE

__all__ = ["Handle"]


_handles: WeakSet[Handle] = WeakSet()


class Handle:
    """One launched process. Thread-safe.

    Attributes:
        pid: its process id.
        sentinel: a descriptor that is readable once the process has ended.
    """

    def __init__(self, pid: int, lifeline: int) -> None:
        self.pid = pid
        self._lifeline = lifeline
        self._exitcode: int | None = None
        self._lock = threading.Lock()
        self._pidfd = -1
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # forbidden by a sandbox, or no descriptor left
                self._pidfd = os.pidfd_open(pid)
        # Without a pidfd the lifeline tells: its other end closes when the child is gone.
        self.sentinel = self._pidfd if self._pidfd >= 0 else lifeline
        _handles.add(self)

    def poll(self) -> int | None:
        """Give the exit code: the status, ``-N`` after signal N, ``None`` while the process runs."""
        with self._lock:
            if self._exitcode is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:
                    self._exitcode = self._reaped_elsewhere()
                else:
                    if pid == self.pid:
                        self._exitcode = os.waitstatus_to_exitcode(status)
            return self._exitcode

    def _reaped_elsewhere(self) -> int | None:
        # With SIGCHLD ignored the kernel answers ECHILD only once all children are gone; for the same reason a forked
        # copy of this object, whose child it is not, must ask the sentinel.
        return UNKNOWN_EXITCODE if self.sentinel < 0 or _readable(self.sentinel, 0) else None

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end, for at most ``timeout`` seconds, and give the exit code as ``poll`` does."""
        deadline = None if timeout is None else time.monotonic() + timeout
        code = self.poll()
        while code is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            # The lifeline, where it is the sentinel, may close a little before the process can be waited for.
            if self._pidfd < 0 and _readable(self.sentinel, 0):
                time.sleep(0.001)
            else:
                _readable(self.sentinel, left)
            code = self.poll()
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens if the process has ended."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._exitcode is None:
                # Not yet waited for by us, so the id cannot have been given to another process.
                os.kill(self.pid, number)

    def close(self) -> None:
        """Let go of the descriptors. A process that runs and was to die with its parent dies."""
        with self._lock:
            for descriptor in {self._pidfd, self._lifeline} - {-1}:
                os.close(descriptor)
            self._pidfd = self._lifeline = self.sentinel = -1

    def __del__(self) -> None:
        if hasattr(self, "_pidfd"):
            self.close()


def _readable(descriptor: int, timeout: float | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0, timeout) * 1000))


def _close_after_fork() -> None:
    # A forked copy of the parent would hold the lifelines, and the children would outlive the parent.
    for handle in list(_handles):
        handle._lock = threading.Lock()
        handle.close()


os.register_at_fork(after_in_child=_close_after_fork)
