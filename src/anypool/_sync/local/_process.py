"""A real operating-system process with the standard library's ``Process`` around our own launch (X1).

Everything that ``multiprocessing.Process`` means (names, daemons, ``active_children``, joining at exit) is its base
class's own; only the start differs: no fork, no second run of ``__main__``, and any callable or subclass works::

    start(): pickle self, by value where needed --launch--> unpickle, report it, run
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading
from multiprocessing import context as mp_context
from multiprocessing import process, util
from typing import TYPE_CHECKING, Any

from anypool._core import pins, serialise
from anypool._launch._launcher import launch
from anypool.abc import Process as AbstractProcess

if TYPE_CHECKING:
    from anypool.abc import Context

__all__ = ["LocalProcess", "process_class"]

_HEADER = struct.Struct("=i")


class _InheritedFd:
    """What the standard library pickles in place of a descriptor that the child inherits under the same number."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def detach(self) -> int:
        return self.fd


class _Popen:
    """What ``BaseProcess`` asks of the object that runs its process."""

    method = "anypool"
    DupFd = _InheritedFd

    def __init__(self, target: LocalProcess) -> None:
        util._flush_std_streams()  # type: ignore[attr-defined]  # what is buffered belongs before the child's output
        self._fds: list[int] = []
        self.returncode: int | None = None
        read, write = os.pipe()
        try:
            with pins.collect() as pinned:
                # The standard library's own locks and connections may only be pickled while a process is started.
                mp_context.set_spawning_popen(self)  # type: ignore[arg-type]  # typeshed wants its own Popen classes
                try:
                    data = serialise.dumps(target, "process")
                finally:
                    mp_context.set_spawning_popen(None)
            self._handle = launch(
                f"{__name__}:_child_main",
                _HEADER.pack(write) + data,
                name=target.name,
                fds=[write, *self._fds],
                die_with_parent=target.daemon,
                keyboard_interrupt=True,
            )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        self.pid = self._handle.pid
        self.sentinel = self._handle.sentinel
        _hold(pinned, read)

    def duplicate_for_child(self, fd: int) -> int:
        """Let the child inherit ``fd``, for the standard library's own connections among the arguments."""
        self._fds.append(fd)
        return fd

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """Give the exit code, ``None`` while the process runs."""
        if self.returncode is None:
            self.returncode = self._handle.poll()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end, for at most ``timeout`` seconds."""
        if self.returncode is None:
            self.returncode = self._handle.wait(timeout)
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send_signal(signal.SIGKILL)

    def interrupt(self) -> None:
        """Send SIGINT, as newer versions of the standard library can."""
        self._send_signal(signal.SIGINT)

    def _send_signal(self, number: int) -> None:
        if self.returncode is None:
            self._handle.send_signal(number)

    def close(self) -> None:
        """Let go of the descriptors."""
        self._handle.close()


def _hold(pinned: list[object], read: int) -> None:
    """Keep ``pinned`` alive until the child has read its bytes or has ended: then ``read`` is at its end.

    It has to be let go of right then, not at the next occasion: a pipe's end in here would keep the parent, which
    has closed its own, from ever seeing the pipe's end.
    """

    def hold(kept: list[object]) -> None:
        os.read(read, 1)
        os.close(read)
        kept.clear()

    if not pinned:
        os.close(read)
        return
    try:
        threading.Thread(target=hold, args=(list(pinned),), name="anypool-process-start", daemon=True).start()
    except RuntimeError:  # the interpreter ends, or there are no more threads
        hold(list(pinned))
    finally:
        pinned.clear()


class LocalProcess(process.BaseProcess, AbstractProcess):
    """A process on this machine, started as a fresh interpreter; otherwise as ``multiprocessing.Process``."""

    _Popen = _Popen
    _start_method = None

    @staticmethod
    def _after_fork() -> None:
        """Nothing to clean up: the child is not a copy of its parent."""


LocalProcess.__name__ = LocalProcess.__qualname__ = "Process"  # what default names and repr() are made of
Process = LocalProcess  # and pickle finds it by that name


def process_class(context: Context) -> type[LocalProcess]:
    """Give the class of ``context``'s processes. It is the same for all contexts, so that subclasses can be pickled."""
    return LocalProcess


def _child_main(payload: bytes, lifeline: int) -> None:
    """Run a process object in its new process."""
    (taken,) = _HEADER.unpack_from(payload)
    current: Any = process.current_process()
    # While this is set, the standard library's pickled locks and connections attach instead of refusing.
    current._inheriting = True
    try:
        target = serialise.loads(memoryview(payload)[_HEADER.size :])
    finally:
        del current._inheriting
        os.close(taken)  # the end of file tells the parent that the bytes have been read
    del payload
    sys.exit(target._bootstrap(parent_sentinel=lifeline))
