"""The life of a thread that plays a process: its state, and what its thread does from first turn to last words.

::

    start() ─> thread: first turn ─> run() ─> children ─> seal ─> ends closed ─> exit code told ─> last turn
                              stopped ───────────────────> ┘
"""

from __future__ import annotations

import atexit
import itertools
import signal
import sys
from collections.abc import Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any

from anypool._sync.inproc._activity import Activity, Interrupted, Terminated
from anypool._sync.inproc._beacon import Beacon
from anypool._sync.inproc._family import CHILDREN, RUNNING
from anypool._sync.inproc._monitor import Condition, Monitor
from anypool._sync.inproc._parcel import unpack
from anypool._sync.inproc._place import PLACES

if TYPE_CHECKING:
    from anypool._sync.inproc._process import Process

__all__ = ["Life", "give_call", "live"]

#: So many times somebody may ask a new process whether it runs before that lets it run, on the serial backend. As many
#: as to say ``assert p.is_alive() and p.exitcode is None`` behind ``p.start()``; a loop that asks gets on all the same.
_FREE_QUESTIONS = 2


class Life:
    """A process's state. Not attributes of the process, where a subclass's own ``stop`` or ``children`` might meet it.

    Attributes:
        creator: the process that made this one, the only one that may start and join it; ``None`` for the program.
        children: those that this one has started and that have not ended.
        numbers: what its children are called.
        activity: its thread, once it has started.
        exitcode: how it has ended.
    """

    __slots__ = ("_beacon", "_over", "_questions", "activity", "children", "creator", "exitcode", "monitor", "numbers")

    def __init__(self, monitor: Monitor, name: str, creator: Process | None) -> None:
        self.monitor = monitor
        self.creator = creator
        self.children: set[Process] = set()
        self.numbers = itertools.count(1)
        self.activity: Activity | None = None
        self.exitcode: int | None = None
        self._over = Condition(monitor, f"for {name} to end")
        self._beacon: Beacon | None = None
        self._questions = 0

    @property
    def siblings(self) -> set[Process]:
        """Where it is listed while it runs."""
        return CHILDREN if self.creator is None else self.creator._life.children

    def stop(self, number: int) -> None:
        """Stop it as by a signal, if it runs."""
        if self.activity is not None and self.exitcode is None:
            self.activity.kill(int(number))

    def await_end(self, timeout: float | None) -> None:
        """Wait until it has ended."""
        if self.exitcode is None:
            with self.monitor:
                self._over.wait_for(self._ended, timeout)

    def outcome(self) -> int | None:
        """Give the exit code, ``None`` while it runs; a loop that only asks lets the others run."""
        if self.exitcode is None:
            self._questions += 1
            if self._questions > _FREE_QUESTIONS:
                self.monitor.relax()
        return self.exitcode

    def sentinel(self) -> int:
        """Give a descriptor that is readable when it has ended, having let the others run."""
        self.monitor.settle(self._ended)
        with self.monitor:
            if self._beacon is None:
                self._beacon = Beacon()
                if self._ended():
                    self._beacon.light()
            return self._beacon.fileno()

    def end(self, code: int) -> None:
        """Say that it has ended."""
        with self.monitor:
            self.exitcode = code
            self._over.notify_all()
            if self._beacon is not None:
                self._beacon.light()

    def close(self) -> None:
        """Let go of the descriptor."""
        with self.monitor:
            if self._beacon is not None:
                self._beacon.close()

    def _ended(self) -> bool:
        return self.exitcode is not None


def give_call(process: Process, call: tuple[Any, tuple[Any, ...], dict[str, Any]] | None) -> None:
    """Say what ``run`` calls; ``None`` has it forgotten."""
    process._target, process._args, process._kwargs = call or (None, (), {})


def live(process: Process, activity: Activity, call: Any) -> None:
    """Be the process, in its thread."""
    ident, life = get_ident(), process._life
    PLACES[ident] = activity.place
    RUNNING[ident] = process
    activity.adopt_thread()
    life.monitor.first_turn(activity)
    code, begun, sealed = 1, False, False
    while not sealed:
        # Around again only if it was stopped; from seal() on nothing can be raised from outside.
        try:
            if not begun:
                begun = True
                activity.leave()
                code = _execute(process, activity, call)
            activity.seal()
            sealed = True
        except Terminated:
            code = -(activity.code or 0)
        except Interrupted:
            code = 1
    del call
    give_call(process, None)
    RUNNING.pop(ident, None)
    PLACES.pop(ident, None)
    activity.place.end()
    life.siblings.discard(process)
    life.end(code)
    life.monitor.last_turn(activity)


def _execute(process: Process, activity: Activity, call: Any) -> int:
    """Do what the process is for, and give its exit code."""
    try:
        try:
            give_call(process, unpack(call))
            del call
            process.run()
        finally:
            if activity.code is None or activity.error is Interrupted:
                end_children(process._life.children)
    except Terminated:
        raise
    except SystemExit as error:
        if error.code is None:
            return 0
        if isinstance(error.code, int):
            return error.code & 0xFF  # all that the system keeps of it
        _complain(f"{error.code}\n")
        return 1
    except BaseException:
        import traceback

        _complain(f"Process {process.name}:\n{traceback.format_exc()}")
        return 1
    return 0


def _complain(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass  # no standard error, or a closed one: a process's death must not fail on its last words


def end_children(children: Iterable[Process]) -> None:
    """Do what ``multiprocessing`` does where a process ends: stop the daemons, wait for the others.

    A daemon is not waited for, unlike there: a thread in a C call cannot be stopped, and exit must not hang.
    """
    listed = list(children)
    for child in listed:
        if child._daemon:
            child._life.stop(signal.SIGTERM)
    for child in listed:
        if not child._daemon:
            child._life.await_end(None)


# The threads are daemons, so that nothing hangs where this is interrupted.
atexit.register(end_children, CHILDREN)
