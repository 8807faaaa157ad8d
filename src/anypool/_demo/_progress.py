"""Progress of the demonstration: a process of its own draws the bar, and is told how far things are through a pipe.

::

    program --number of files done--> process: draws
    program <------- "drawn" -------- process

The program waits for the answer. So a slow terminal gets fewer updates instead of a backlog of them, and a backend
whose processes run only while the program waits gets its moment.
"""

from __future__ import annotations

import contextlib
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anypool import Executor

__all__ = ["Progress", "draw"]

_INTERVAL = 0.1  # seconds between two updates
_WIDTH = 32


class Progress:
    """Context manager around the work.

    Args:
        ex: where the drawing process runs.
        stop: an event; the process ends at the first update after it was set.
        count: how many items there are.
        title: stands before the bar; ``None`` draws nothing, for an output that is no terminal.
    """

    def __init__(self, ex: Executor, stop: Any, count: int, title: str | None) -> None:
        self._here, there = ex.Pipe()
        self._stop = stop
        self._process = ex.Process(target=draw, args=(there, stop, count, title), name="progress", daemon=True)
        self._alive = True
        self._last = time.monotonic()
        self._done = 0

    def __enter__(self) -> Progress:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._stop.set()
        self._tell()
        self._process.join(5)
        self._here.close()

    def update(self, done: int) -> None:
        """Say how many items are done. Cheap: most calls only look at the clock."""
        self._done = done
        if time.monotonic() - self._last >= _INTERVAL:
            self._tell()
            self._last = time.monotonic()

    def _tell(self) -> None:
        if not self._alive:
            return
        try:
            self._here.send(self._done)
            while not self._here.poll(_INTERVAL):
                if not self._process.is_alive():
                    raise EOFError
            self._here.recv()
        except (EOFError, OSError):
            self._alive = False  # somebody killed it; the work does not depend on its picture


def draw(there: Any, stop: Any, count: int, title: str | None) -> None:
    """Draw each number that comes until ``stop`` is set: the target of the process."""
    # Ctrl-C reaches every process of the terminal, and the program has its own way to say goodbye.
    with contextlib.suppress(KeyboardInterrupt, EOFError, BrokenPipeError):
        while True:
            done = there.recv()
            stopping = stop.is_set()
            if title is not None:
                sys.stderr.write("\r\x1b[K" if stopping else _bar(title, done, count))
                sys.stderr.flush()
            there.send(done)
            if stopping:
                return


def _bar(title: str, done: int, count: int) -> str:
    filled = _WIDTH * done // max(1, count)
    return f"\r\x1b[K{title} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done:,}/{count:,}"
