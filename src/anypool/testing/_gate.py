"""A gate for tasks, made of named pipes: it needs nothing of the backend under test, and nobody polls or sleeps.

::

    test                                task (any thread or process of this machine)
    gate.arrived(2)   <-- a byte each --  gate.enter()
    gate.open()       -- end of file -->  ... goes on
"""

from __future__ import annotations

import os
import select
import time
from pathlib import Path
from types import TracebackType

__all__ = ["Gate"]


class Gate:
    """Holds tasks until the test opens it. Picklable: what arrives elsewhere is the tasks' side.

    Args:
        folder: a folder that does not exist yet.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = str(folder)
        os.mkdir(self._folder)
        os.mkfifo(self._path("arrivals"))
        os.mkfifo(self._path("gate"))
        # Open for both directions, so that neither side's open ever waits for the other.
        self._arrivals = os.open(self._path("arrivals"), os.O_RDWR | os.O_NONBLOCK)
        self._held = os.open(self._path("gate"), os.O_RDWR | os.O_NONBLOCK)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def __getstate__(self) -> dict[str, object]:
        return {"_folder": self._folder, "_arrivals": -1, "_held": -1}

    @classmethod
    def at(cls, folder: str | Path) -> Gate:
        """Give the tasks' side of the gate that somebody else made in ``folder``."""
        gate = cls.__new__(cls)
        gate.__dict__.update(_folder=str(folder), _arrivals=-1, _held=-1)
        return gate

    # --- the tasks' side ---------------------------------------------------------------------------------------

    def enter(self, timeout: float = 60.0) -> str:
        """Report the arrival and wait until the gate is open; an open gate lets through at once.

        Raises:
            TimeoutError: it was not opened in ``timeout`` seconds.
        """
        # The descriptor first: a gate that is opened between the two steps then still ends the wait.
        waiting = os.open(self._path("gate"), os.O_RDONLY | os.O_NONBLOCK)
        try:
            self.arrive()
            poll = select.poll()
            poll.register(waiting, select.POLLIN)
            # While the test holds the writing side nothing happens here; when it closes it, the kernel says "hung up".
            # A gate that was opened before has no writer, and Linux says nothing about that: a read tells.
            deadline = time.monotonic() + timeout
            while not _at_end(waiting):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"the gate was not opened in {timeout:g} s")
                poll.poll(left * 1000)
        finally:
            os.close(waiting)
        return "through"

    def arrive(self) -> None:
        """Report the arrival and go on."""
        # Not blocking: when the test has gone, a late task gets an error and does not wait for a reader for ever.
        arrivals = os.open(self._path("arrivals"), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(arrivals, b".")
        finally:
            os.close(arrivals)

    # --- the test's side ---------------------------------------------------------------------------------------

    def arrived(self, count: int = 1, timeout: float = 30.0) -> None:
        """Wait until ``count`` more tasks have arrived.

        Raises:
            TimeoutError: they did not in ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while count > 0:
            ready, _, _ = select.select([self._arrivals], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"{count} tasks did not arrive at the gate in {timeout:g} s")
            count -= len(os.read(self._arrivals, count))

    def nobody_arrived(self) -> bool:
        """Tell whether no unexpected task has arrived so far."""
        return not select.select([self._arrivals], [], [], 0)[0]

    def open(self) -> None:
        """Let everybody through, now and later."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.open()
        os.close(self._arrivals)


def _at_end(descriptor: int) -> bool:
    try:
        return os.read(descriptor, 1) == b""
    except BlockingIOError:
        return False
