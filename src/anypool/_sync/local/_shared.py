"""A file that processes share: some words of mapped memory, and a mutex that the kernel opens when its holder dies."""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import threading
import weakref
from collections.abc import Callable
from types import TracebackType

from anypool._sync.local._names import Name

__all__ = ["HEADER", "SharedFile"]

#: Bytes at the file's beginning that are mapped as words of 8 bytes.
HEADER = 4096

#: The holder is nearly always done within microseconds: trying again is cheaper than to sleep and be woken, and halves
#: the time of an item where a putter and a getter work on one queue.
_TRIES = 10


class SharedFile:
    """An open shared file. ``with file:`` excludes all other threads and processes.

    A thread's lock and ``flock`` together: flock belongs to the open file, so it cannot tell this process's threads
    from one another; and nothing in memory could be released by the kernel, when its holder is killed, as flock is.
    """

    def __init__(self, path: str, *, create: bool = False, name: Name | None = None) -> None:
        self.path = path
        self.name = name
        self.fd = os.open(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
        if create:
            # Written, not only truncated to: a full disk must raise here, for in mapped memory it would be SIGBUS.
            os.pwrite(self.fd, bytes(HEADER), 0)
        #: Native words. One store into one of them is one instruction: no kill can leave half of it.
        self.words = memoryview(_map(self.fd)).cast("Q")
        self._threads = threading.Lock()
        _living.add(self)

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            for _ in range(_TRIES):
                try:
                    fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                return
            fcntl.flock(self.fd, fcntl.LOCK_EX)
        except BaseException:  # Ctrl-C while waiting
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        self._threads.release()

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        fd = getattr(self, "fd", -1)  # open() may have failed
        if fd >= 0:
            close(fd)

    def _after_fork(self) -> None:
        # The child has a copy of the same open file, and with it the parent's flock. It needs an open file of its own.
        self._threads = threading.Lock()
        try:
            own = os.open(f"/proc/self/fd/{self.fd}", os.O_RDWR)
        except OSError:
            try:
                own = os.open(self.path, os.O_RDWR)  # not Linux
            except FileNotFoundError:
                return  # and its context is closed: nothing better than the copy is left
        os.dup2(own, self.fd, inheritable=False)
        os.close(own)


def _map(fd: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):
        return mmap.mmap(fd, HEADER, trackfd=False)  # saves a descriptor
    return mmap.mmap(fd, HEADER)


_living: weakref.WeakSet[SharedFile] = weakref.WeakSet()


def _after_fork() -> None:
    for file in list(_living):
        file._after_fork()


os.register_at_fork(after_in_child=_after_fork)
