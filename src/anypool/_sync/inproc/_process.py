"""Process: a thread that plays a process, with ``multiprocessing``'s names, errors and exit codes (X1, X2).

``_life`` has what its thread does, ``_family`` who is whose child.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc import _family, _life
from anypool._sync.inproc._activity import Activity
from anypool._sync.inproc._monitor import Monitor
from anypool._sync.inproc._parcel import bring, pack
from anypool._sync.inproc._place import Place

__all__ = ["Process"]


class Process(abc.Process):
    """An activity of its own inside this process; ``pid`` is therefore this process's.

    ``terminate()`` and ``kill()`` raise a private ``BaseException`` in the target: at its next bytecode, or at once
    where it waits in one of the context's primitives. ``finally`` blocks run, so locks taken by ``with`` are released.
    What cannot be interrupted is a call into C that does not return, such as ``time.sleep`` or a read from a socket:
    the target ends when that has returned, and until then ``is_alive()`` is true and ``join()`` waits. A target that
    catches ``BaseException`` and goes on has to be terminated again.

    Threads that the target starts are the program's: nobody waits for them when the target has returned.
    """

    #: The context whose class this is; ``InprocContext.Process`` fills these in.
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
        creator = _family.running()
        if creator is None:
            self._identity = (*_family.identity(), next(self._numbers))
            self._authkey = _family.authkey()
            self._daemon = False
        else:
            self._identity = (*creator._identity, next(creator._life.numbers))
            self._authkey = creator._authkey
            self._daemon = creator._daemon
        if daemon is not None:
            self._daemon = daemon
        self._target = target
        self._args = tuple(args)
        self._kwargs = dict(kwargs)
        self._name = name or f"{type(self).__name__}-{':'.join(map(str, self._identity))}"
        self._parent_pid = os.getpid()
        self._life: _life.Life = _life.Life(type(self)._new_monitor(), self._name, creator)
        self._closed = False
        self._own = frozenset((*vars(self), "_own"))

    def run(self) -> None:
        """Call the target; a subclass may do something else."""
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def start(self) -> None:
        """Start the thread."""
        self._check_closed()
        life = self._life
        creator = life.creator
        assert life.activity is None, "cannot start a process twice"
        assert self._is_child(), "can only start a process object created by current process"
        assert creator is None or not creator._daemon, "daemonic processes are not allowed to have children"
        before = self._target, self._args, self._kwargs
        call = pack(before, self._isolate, "process")
        activity = Activity(self._name, Place(self._name))
        bring(activity.place, [value for name, value in vars(self).items() if name not in self._own])
        thread = threading.Thread(target=_life.live, args=(self, activity, call), name=self._name, daemon=True)
        life.monitor.launch(activity)
        life.activity = activity
        life.siblings.add(self)
        # From here on they are the thread's; kept here too, they would hold a pipe open that the target has long left.
        _life.give_call(self, None)
        try:
            thread.start()
        except BaseException:
            _life.give_call(self, before)
            life.siblings.discard(self)
            life.activity = None
            life.monitor.abandon(activity)
            activity.place.end()
            raise

    def terminate(self) -> None:
        """End it as by SIGTERM; see the class."""
        self._signal(signal.SIGTERM, "terminate")

    def kill(self) -> None:
        """End it as by SIGKILL; see the class."""
        self._signal(signal.SIGKILL, "kill")

    def interrupt(self) -> None:
        """Raise ``KeyboardInterrupt`` in it, as SIGINT would: where ``terminate()`` would stop it (Python 3.14)."""
        self._signal(signal.SIGINT, "interrupt")

    def _signal(self, number: int, verb: str) -> None:
        self._check_closed()
        assert self._life.activity is not None, f"can only {verb} a started process"
        self._life.stop(number)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, for at most ``timeout`` seconds."""
        self._check_closed()
        assert self._is_child(), "can only join a child process"
        assert self._life.activity is not None, "can only join a started process"
        self._life.await_end(timeout)

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        self._check_closed()
        if _family.running() is self:
            return True
        assert self._is_child(), "can only test a child process"
        return self._life.activity is not None and self._life.outcome() is None

    def close(self) -> None:
        """Release what it holds; ``ValueError`` while it runs."""
        if self._life.activity is not None and self._life.outcome() is None:
            raise ValueError(
                "Cannot close a process while it is still running. You should first call join() or terminate()."
            )
        self._closed = True
        self._life.close()

    @property
    def exitcode(self) -> int | None:
        """``None`` while it runs; see ``anypool.abc.Process``."""
        self._check_closed()
        if self._life.activity is None or _family.running() is self:
            return None
        return self._life.outcome()

    @property
    def pid(self) -> int | None:
        """This very process's id, once it has started."""
        self._check_closed()
        return None if self._life.activity is None else self._parent_pid

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
        if self._life.activity is None:
            raise ValueError("process not started")
        return self._life.sentinel()

    @property
    def name(self) -> str:
        """Its name, for messages."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        assert isinstance(name, str), "name must be a string"
        self._name = name
        if self._life.activity is not None:
            self._life.activity.name = name

    @property
    def daemon(self) -> bool:
        """Whether the program's end does not wait for it. To be set before ``start``."""
        return self._daemon

    @daemon.setter
    def daemon(self, daemonic: bool) -> None:
        assert self._life.activity is None, "process has already started"
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

    def _is_child(self) -> bool:
        return _family.running() is self._life.creator and self._parent_pid == os.getpid()

    def _check_closed(self) -> None:
        if self._closed:
            raise ValueError("process object is closed")

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        code = None
        if _family.running() is self:
            status = "started"
        elif self._closed:
            status = "closed"
        elif not self._is_child():
            status = "unknown"
        elif self._life.activity is None:
            status = "initial"
        else:
            code = self._life.exitcode
            status = "started" if code is None else "stopped"
        info = [type(self).__name__, f"name={self._name!r}"]
        if self._life.activity is not None and not self._closed and _family.running() is not self:
            info.append(f"pid={self._parent_pid}")
        info += [f"parent={self._parent_pid}", status]
        if code is not None:
            info.append(f"exitcode={f'-{signal.Signals(-code).name}' if code < 0 else code}")
        if self._daemon:
            info.append("daemon")
        return f"<{' '.join(info)}>"
