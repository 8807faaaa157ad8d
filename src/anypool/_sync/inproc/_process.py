"""Process: a thread that plays a process, with ``multiprocessing``'s names, errors and exit codes (X1, X2)."""

from __future__ import annotations

import atexit
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from threading import get_ident
from typing import Any, ClassVar

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc._activity import Activity, Terminated
from anypool._sync.inproc._beacon import Beacon
from anypool._sync.inproc._monitor import Condition, Monitor
from anypool._sync.inproc._parcel import bring, pack, unpack
from anypool._sync.inproc._place import PLACES, Place

__all__ = ["Process"]

_NOTHING: tuple[None, tuple[Any, ...], dict[str, Any]] = (None, (), {})


class Process(abc.Process):
    """An activity of its own inside this process; ``pid`` is therefore this process's.

    ``terminate()`` and ``kill()`` raise a private ``BaseException`` in the target: at its next bytecode, or at once
    where it waits in one of the context's primitives. ``finally`` blocks run, so locks taken by ``with`` are released.
    What cannot be interrupted is a call into C that does not return, such as ``time.sleep`` or a read from a socket:
    the target ends when that has returned, and until then ``is_alive()`` is true and ``join()`` waits. A target that
    catches ``BaseException`` and goes on has to be terminated again.
    """

    #: The context whose class this is; ``InprocContext.Process`` fills both in.
    _new_monitor: ClassVar[Callable[[], Monitor]]
    _isolate: ClassVar[bool] = False
    _numbers: ClassVar[itertools.count[int]]

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = {},
        *,
        daemon: bool | None = None,
    ) -> None:
        assert group is None, "group argument must be None for now"
        parent = _running_here()
        if parent is None:
            self._identity: tuple[int, ...] = (next(self._numbers),)
        else:
            self._identity = (*parent._identity, next(parent._child_numbers))
        self._child_numbers: itertools.count[int] = itertools.count(1)
        self._target = target
        self._args = tuple(args)
        self._kwargs = dict(kwargs)
        self._name = name or f"{type(self).__name__}-{':'.join(map(str, self._identity))}"
        self._daemon: bool = parent is not None and parent._daemon if daemon is None else bool(daemon)
        self._authkey: bytes | None = None
        self._parent_pid = os.getpid()
        self._monitor = type(self)._new_monitor()
        self._over = Condition(self._monitor, f"for {self._name} to end")
        self._activity: Activity | None = None
        self._siblings: set[Process] = _children if parent is None else parent._children
        self._children: set[Process] = set()
        self._exitcode: int | None = None
        self._beacon: Beacon | None = None
        self._closed = False
        self._own = frozenset((*vars(self), "_own"))

    def run(self) -> None:
        """Call the target; a subclass may do something else."""
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def start(self) -> None:
        """Start the thread."""
        self._check_closed()
        assert self._activity is None, "cannot start a process twice"
        parent = _running_here()
        assert parent is None or not parent._daemon, "daemonic processes are not allowed to have children"
        call = pack((self._target, self._args, self._kwargs), self._isolate, "process")
        activity = Activity(self._name, Place(self._name))
        bring(activity.place, [value for name, value in vars(self).items() if name not in self._own])
        thread = threading.Thread(target=self._bootstrap, args=(activity, call), name=self._name, daemon=True)
        self._monitor.launch(activity)
        self._activity = activity
        self._siblings.add(self)
        # From here on they are the thread's; kept here too, they would hold a pipe open that the target has long left.
        before = self._target, self._args, self._kwargs
        self._target, self._args, self._kwargs = _NOTHING
        try:
            thread.start()
        except BaseException:
            self._target, self._args, self._kwargs = before
            self._siblings.discard(self)
            self._activity = None
            self._monitor.abandon(activity)
            activity.place.end()
            raise

    def terminate(self) -> None:
        """End it as by SIGTERM; see the class."""
        self._stop(signal.SIGTERM, "terminate")

    def kill(self) -> None:
        """End it as by SIGKILL; see the class."""
        self._stop(signal.SIGKILL, "kill")

    def _stop(self, number: int, verb: str) -> None:
        self._check_closed()
        assert self._activity is not None, f"can only {verb} a started process"
        if self._exitcode is None:
            self._activity.kill(int(number))

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, for at most ``timeout`` seconds."""
        self._check_closed()
        assert self._activity is not None, "can only join a started process"
        assert _running_here() is not self, "can only join a child process"
        if self._exitcode is None:
            with self._monitor:
                self._over.wait_for(self._ended, timeout)

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        self._check_closed()
        return self._activity is not None and (_running_here() is self or self._poll() is None)

    def close(self) -> None:
        """Release what it holds; ``ValueError`` while it runs."""
        if self._activity is not None and self._poll() is None:
            raise ValueError(
                "Cannot close a process while it is still running. You should first call join() or terminate()."
            )
        self._closed = True
        with self._monitor:
            if self._beacon is not None:
                self._beacon.close()

    @property
    def exitcode(self) -> int | None:
        """``None`` while it runs; see ``anypool.abc.Process``."""
        self._check_closed()
        return None if self._activity is None else self._poll()

    @property
    def pid(self) -> int | None:
        """This very process's id, once it has started."""
        self._check_closed()
        return None if self._activity is None else self._parent_pid

    @property
    def ident(self) -> int | None:
        """The same as ``pid``."""
        return self.pid

    @property
    def sentinel(self) -> int:
        """A descriptor that becomes readable when it ends.

        On the serial backend asking for it lets the others run first, until they wait or end: while the caller waits
        for the descriptor in the system, nobody does.
        """
        self._check_closed()
        if self._activity is None:
            raise ValueError("process not started")
        self._monitor.settle(self._ended)
        with self._monitor:
            if self._beacon is None:
                self._beacon = Beacon()
                if self._ended():
                    self._beacon.light()
            return self._beacon.fileno()

    @property
    def name(self) -> str:
        """Its name, for messages."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        assert isinstance(name, str), "name must be a string"
        self._name = name

    @property
    def daemon(self) -> bool:
        """Whether the program's end does not wait for it. To be set before ``start``."""
        return self._daemon

    @daemon.setter
    def daemon(self, daemonic: bool) -> None:
        assert self._activity is None, "process has already started"
        self._daemon = daemonic

    @property
    def authkey(self) -> bytes:
        """The key that ``multiprocessing``'s connections would ask for; unless set, this process's."""
        if self._authkey is None:
            from multiprocessing.process import current_process

            self._authkey = bytes(current_process().authkey)
        return self._authkey

    @authkey.setter
    def authkey(self, key: bytes) -> None:
        self._authkey = bytes(key)

    def _ended(self) -> bool:
        return self._exitcode is not None

    def _poll(self) -> int | None:
        if self._exitcode is None:
            self._monitor.relax()
        return self._exitcode

    def _check_closed(self) -> None:
        if self._closed:
            raise ValueError("process object is closed")

    def _bootstrap(self, activity: Activity, call: Any) -> None:
        ident = get_ident()
        PLACES[ident] = activity.place
        _running[ident] = self
        activity.adopt_thread()
        self._monitor.first_turn(activity)
        code, begun, sealed = 1, False, False
        while not sealed:
            # Around again only if it was stopped; from seal() on nothing can be raised from outside.
            try:
                if not begun:
                    begun = True
                    activity.leave()
                    code = self._execute(activity, call)
                activity.seal()
                sealed = True
            except Terminated:
                code = -(activity.code or 0)
        del call
        self._target, self._args, self._kwargs = _NOTHING
        _running.pop(ident, None)
        PLACES.pop(ident, None)
        activity.place.end()
        with self._monitor:
            self._exitcode = code
            self._siblings.discard(self)
            self._over.notify_all()
            if self._beacon is not None:
                self._beacon.light()
        self._monitor.last_turn(activity)

    def _execute(self, activity: Activity, call: Any) -> int:
        """Do what the process is for, and give its exit code."""
        try:
            try:
                self._target, self._args, self._kwargs = unpack(call)
                del call
                self.run()
            finally:
                if activity.code is None:
                    _end_children(self._children)
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

            _complain(f"Process {self._name}:\n{traceback.format_exc()}")
            return 1
        return 0

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        info = [type(self).__name__, f"name={self._name!r}"]
        if self._activity is not None and not self._closed:
            info.append(f"pid={self._parent_pid}")
        info.append(f"parent={self._parent_pid}")
        if self._closed:
            info.append("closed")
        elif self._activity is None:
            info.append("initial")
        elif self._exitcode is None:
            info.append("started")
        else:
            code = self._exitcode
            shown = f"-{signal.Signals(-code).name}" if code < 0 else str(code)
            info += ["stopped", f"exitcode={shown}"]
        if self._daemon:
            info.append("daemon")
        return f"<{' '.join(info)}>"


#: The started processes of the program itself, and which process a thread plays.
_children: set[Process] = set()
_running: dict[int, Process] = {}


def _running_here() -> Process | None:
    return _running.get(get_ident())


def _complain(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass  # no standard error, or a closed one: a process's death must not fail on its last words


def _end_children(children: set[Process]) -> None:
    """Do what ``multiprocessing`` does where a process ends: stop the daemons, wait for the others.

    A daemon is not waited for, unlike there: a thread in a C call cannot be stopped, and exit must not hang.
    """
    for child in list(children):
        if child._daemon and child._activity is not None and child._exitcode is None:
            child._activity.kill(signal.SIGTERM)
    for child in list(children):
        if not child._daemon and child._exitcode is None:
            child.join()


# The threads are daemons, so that nothing hangs where this is interrupted.
atexit.register(_end_children, _children)


def _after_fork() -> None:
    _children.clear()
    _running.clear()
    PLACES.clear()


os.register_at_fork(after_in_child=_after_fork)
