"""A thread that plays a process: how it is stopped from outside without breaking a primitive (X2).

::

    killer                                  victim, in a primitive          victim, in the user's code
    kill(): code = 15
            inside?  yes: interrupt() ----> wakes, leaves, Terminated
                     no:  async exception -------------------------------> Terminated at the next bytecode

An exception that CPython raises between two bytecodes could fall between "the item is in" and "wake the getter". So a
primitive counts itself ``inside`` first and looks at ``code`` second, while a killer writes ``code`` first and looks at
``inside`` second: one of the two always sees the other, and the exception is never thrown into a critical section.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from signal import SIGINT
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from anypool._sync.inproc._place import Place

if TYPE_CHECKING:
    from anypool._sync.inproc._baton import Baton

__all__ = ["ACTIVITIES", "CONTENDED", "Activity", "Contended", "Interrupted", "Terminated", "name_of"]


class Terminated(BaseException):
    """Ends a thread that plays a process. Not an ``Exception``, so that ``except Exception`` does not swallow it."""

    def __init__(self) -> None:
        # CPython makes the instance at the moment it raises it, in the victim: the receipt that it has arrived.
        victim = ACTIVITIES.get(get_ident())
        if victim is not None:
            victim.delivered = True


class Interrupted(KeyboardInterrupt):
    """The ``KeyboardInterrupt`` of a process that is interrupted; it only notes that it has arrived."""

    def __init__(self) -> None:
        victim = ACTIVITIES.get(get_ident())
        if victim is not None and victim.error is Interrupted:  # otherwise it is to be terminated meanwhile
            victim.delivered = True

    def __reduce__(self) -> tuple[Any, ...]:
        return (KeyboardInterrupt, ())


# What a traceback calls it: the user asked for the ordinary one.
Interrupted.__module__ = "builtins"
Interrupted.__name__ = Interrupted.__qualname__ = "KeyboardInterrupt"


class Contended(Protocol):
    """What somebody waits for and somebody else holds."""

    def holder_ended(self, activity: Activity) -> None:
        """Hear that an activity has ended; if it was the holder, have somebody look who waits."""


#: What is waited for at this moment and has a holder. An activity that ends looks only here, and so a lock that nobody
#: waits for pays nothing for P4: whoever comes next sees for himself that its holder has ended.
CONTENDED: set[Contended] = set()

#: The threads that play a process, by their idents. Single operations on a dict need no lock.
ACTIVITIES: dict[int, Activity] = {}

#: How often a killer looks again while its victim is in a function of ours.
_TRIES = 100

_PACKAGE = os.path.dirname(__file__)

# Held while an exception is sent, so that a thread's ident is never used after the thread has gone.
_sending = threading.Lock()


class Activity:
    """One line of execution: a ``Process``, or (on the serial backend only) a thread of the program itself."""

    __slots__ = (
        "baton",
        "code",
        "deadline",
        "delivered",
        "ended",
        "error",
        "holder",
        "ident",
        "inside",
        "interrupt",
        "name",
        "place",
        "running",
        "thread",
        "turn",
        "waits_for",
    )

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.ident: int | None = None
        #: How many primitives deep it is. A new one counts as inside until its thread is ready to be stopped.
        self.inside = 1
        #: The signal's number, once somebody wants it to end.
        self.code: int | None = None
        #: Whether ``error`` has been raised for ``code``. It is raised once; ``finally`` may use primitives.
        self.delivered = False
        #: What it gets for ``code``.
        self.error: type[BaseException] = Terminated
        #: Whether its thread will never again run any of the user's code: what it holds, nobody releases (P4).
        self.ended = False
        #: How to wake it where it is parked.
        self.interrupt: Callable[[], None] | None = None
        # What follows belongs to the baton and is guarded by its mutex.
        self.baton: Baton | None = None
        self.thread: threading.Thread | None = None
        self.running = False
        self.turn = threading.Lock()
        self.turn.acquire()
        self.deadline: float | None = None
        self.waits_for = ""
        self.holder: Callable[[], str | None] | None = None

    def adopt_thread(self) -> None:
        """Say that the calling thread is this activity's."""
        self.ident = get_ident()
        ACTIVITIES[self.ident] = self

    def enter(self) -> None:
        """Enter a primitive: from here to ``leave`` nothing is raised from outside.

        Nor here, in a primitive within a primitive: a lock that is free but has not yet woken the next one would stay
        so. The outer one's ``leave`` does it.
        """
        self.inside += 1
        if self.code is not None and self.inside == 1 and not self.delivered:
            self._deliver()

    def leave(self) -> None:
        """Leave a primitive; whoever wanted this activity to end meanwhile gets it now."""
        self.inside -= 1
        if self.code is not None and not self.delivered and not self.inside:
            self.inside += 1
            self._deliver()

    def _deliver(self) -> None:
        with _sending:
            # One may be on its way all the same; it must not come a second time, in the middle of a finally.
            _send(self.ident, None)
            self.inside -= 1
        raise self.error

    def doomed(self) -> bool:
        """Tell whether it must stop waiting."""
        return self.code is not None and not self.delivered

    def kill(self, code: int) -> None:
        """Make it end as by signal ``code``, as soon as its thread runs Python or waits in a primitive of ours.

        ``SIGINT`` raises ``KeyboardInterrupt`` instead, which may be caught.
        """
        killer = ACTIVITIES.get(get_ident())
        if killer is not None and killer is not self:
            killer.enter()  # stopped half-way, it would leave the victim with a code that nobody delivers
        try:
            self._kill(code)
        finally:
            if killer is not None and killer is not self:
                killer.leave()

    def _kill(self, code: int) -> None:
        with _sending:
            error = Interrupted if code == SIGINT else Terminated
            if self.doomed() and (error is Interrupted or self.error is Terminated):
                self.code = self.code if error is Interrupted else code
                return  # it is on its way
            # It takes the place of a mere interrupt that is on its way.
            self.code, self.error = code, error
            self.delivered = False
        myself = self.ident == get_ident()
        for attempt in range(_TRIES):
            with _sending:
                if self.delivered or self.ident is None:
                    return  # it has seen the code itself, or it sees it before it begins
                if self.inside:
                    interrupt = self.interrupt
                    break
                if myself or attempt == _TRIES - 1 or not _about_to_enter(self.ident):
                    _send(self.ident, error)
                    return
            time.sleep(0)  # only gives the interpreter's lock away, so that the victim goes on
        if interrupt is not None:
            interrupt()

    def seal(self) -> None:
        """Say that the target has ended: nothing can stop what is left to do, and the ident may be used again."""
        self.inside += 1
        with _sending:
            if self.ident is not None:
                if self.code is not None:
                    _send(self.ident, None)
                ACTIVITIES.pop(self.ident, None)
            self.ident = None
        # First said, then looked round; who waits says so first and looks second. One of the two sees the other.
        self.ended = True
        for contended in list(CONTENDED):
            contended.holder_ended(self)


def _about_to_enter(ident: int) -> bool:
    """Tell whether a thread is in one of our functions: at the very beginning of a ``release()``, for example.

    There it counts as outside still, and an exception would leave the lock taken.
    """
    frame = sys._current_frames().get(ident)
    return frame is not None and frame.f_code.co_filename.startswith(_PACKAGE)


def _send(ident: int | None, error: type[BaseException] | None) -> None:
    if ident is None:
        return
    import ctypes  # takes milliseconds, and few programs stop anything

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(ident), None if error is None else ctypes.py_object(error)
    )


def name_of(owner: Activity | int | None) -> str | None:
    """Give a holder's name as ``multiprocessing`` would print it, or ``None`` for nobody."""
    if owner is None:
        return None
    if isinstance(owner, Activity):
        return owner.name
    if owner == threading.main_thread().ident:
        return "MainProcess"
    for thread in threading.enumerate():
        if thread.ident == owner:
            return thread.name
    return f"thread {owner}, which has ended"
