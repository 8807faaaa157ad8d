"""Who is whose child, among the threads that play processes and the program itself.

::

    MainProcess (the program, with all of its own threads) --> Process-1 --> Process-1:1
"""

from __future__ import annotations

import os
import sys
from threading import get_ident
from typing import TYPE_CHECKING, Any

from anypool._sync.inproc._monitor import Condition
from anypool._sync.inproc._place import PLACES

if TYPE_CHECKING:
    from anypool._sync.inproc._monitor import Monitor
    from anypool._sync.inproc._process import Process

__all__ = ["CHILDREN", "RUNNING", "ParentProcess", "active_children", "current_process", "parent_process", "running"]

#: The started processes of the program itself, and which process a thread plays.
CHILDREN: set[Process] = set()
RUNNING: dict[int, Process] = {}


def running() -> Process | None:
    """Give the process that the calling thread plays, ``None`` if it is one of the program's."""
    return RUNNING.get(get_ident())


def current_process() -> Any:
    """Give the process that the calling thread plays, or the program's own object.

    A thread that a process's target starts by itself counts as the program's: nobody tells whose thread it is.
    """
    process = running()
    if process is not None:
        return process
    from multiprocessing import process as standard

    return standard.current_process()


def parent_process() -> Any:
    """Give what is to be known of the process that started this one, ``None`` in the program itself."""
    process = running()
    if process is not None:
        return ParentProcess(process._life.creator, process._life.monitor)
    from multiprocessing import process as standard

    return standard.parent_process()


def active_children() -> list[Process]:
    """Give the children of the calling process that run.

    On the serial backend they run behind this, for a while: a loop that only asks must come to its end, and who has
    just been started is still there.
    """
    process = running()
    children = list(CHILDREN if process is None else process._life.children)
    for child in children:
        child._life.monitor.relax()
    return children


def identity() -> tuple[int, ...]:
    """Give the numbers that the program's children begin theirs with: none, unless it is itself a child."""
    standard = sys.modules.get("multiprocessing.process")
    return () if standard is None else tuple(standard.current_process()._identity)


def authkey() -> bytes | None:
    """Give the program's key, if anybody can have set it; it is made when it is first asked for otherwise."""
    standard = sys.modules.get("multiprocessing.process")
    return None if standard is None else bytes(standard.current_process().authkey)


class ParentProcess:
    """What a process may know of its parent: as ``multiprocessing``'s, it can be asked and waited for.

    Attributes:
        name: the parent's name when this was asked for.
        pid: its process id, which is this process's own.
        ident: the same.
    """

    def __init__(self, process: Process | None, monitor: Monitor) -> None:
        self.name = _program_name() if process is None else process.name
        self.pid = self.ident = os.getpid()
        self._process = process
        self._monitor = monitor

    def is_alive(self) -> bool:
        """Tell whether it runs; the program does as long as anybody can ask."""
        return self._process is None or self._process._life.outcome() is None

    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends, for at most ``timeout`` seconds."""
        if self._process is not None:
            self._process._life.await_end(timeout)
            return
        with self._monitor:
            Condition(self._monitor, f"for {self.name} to end").wait_for(lambda: False, timeout)

    def __repr__(self) -> str:
        return f"<ParentProcess name={self.name!r} pid={self.pid} {'started' if self.is_alive() else 'stopped'}>"


def _program_name() -> str:
    standard = sys.modules.get("multiprocessing.process")
    return "MainProcess" if standard is None else str(standard.current_process().name)


def _after_fork() -> None:
    CHILDREN.clear()
    RUNNING.clear()
    PLACES.clear()


os.register_at_fork(after_in_child=_after_fork)
