"""What all views of one executor share: the pool, the primitives' context, the maps under way, and their common end.

The end has four ways in: ``shutdown``, ``stop``, garbage collection, and the interpreter's exit.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anypool._core.map_feed import Feed
    from anypool.abc import Backend, Batch, Context, PoolSpec, WorkerPool

__all__ = ["Session", "at_exit", "ended_by_interrupt"]


class _ContextBox:
    """Holds the context, made on first use, where the finalizer finds it too."""

    __slots__ = ("context",)

    def __init__(self) -> None:
        self.context: Context | None = None


class Session:
    """One open executor. The pool must not hold it, or a dropped executor would live for ever."""

    def __init__(self, backend: Backend, spec: PoolSpec) -> None:
        self.backend = backend
        self.spec = spec
        #: Whether values travel as bytes.
        self.copies = backend.capabilities.processes or spec.isolate
        self.closed = False
        self.forked = False
        self._ids = itertools.count()
        # Re-entrant: garbage collection may run a ``__del__`` that submits or drops an executor at any bytecode.
        self._lock = threading.RLock()
        self._feeds: set[Feed] = set()
        self._box = _ContextBox()
        self.pool = backend.open(spec)
        self._finalizer = weakref.finalize(self, _close_in_background, self.pool, self._box)
        self._finalizer.atexit = False  # the exit has its own hook below, which runs before threads are joined
        _sessions.add(self)

    @property
    def context(self) -> Context:
        """The primitives' family, made on first use."""
        with self._lock:
            if self._box.context is None:
                self.check_open()
                self._box.context = self.backend.context(isolate=self.spec.isolate)
            return self._box.context

    def take_ids(self, count: int) -> int:
        """Reserve ``count`` consecutive task numbers and give the first.

        Without a lock: drawing from ``itertools.count`` is atomic, and a block that another thread's number has got
        into is given up.
        """
        while True:
            first = last = next(self._ids)
            for _ in range(count - 1):
                number = next(self._ids)
                if number != last + 1:
                    break
                last = number
            else:
                return first

    def check_open(self) -> None:
        """Raise what the standard library raises once the executor has ended."""
        if self.forked:
            raise RuntimeError(
                "this executor belongs to the parent process: os.fork() copied the object but not its workers. "
                "Make an Executor in the child"
            )
        if self.closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if _exiting:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    def submit(self, batch: Batch) -> None:
        """Hand a batch to the pool."""
        self.check_open()
        self.pool.submit(batch)

    def add_feed(self, feed: Feed) -> None:
        """Remember a map until its input is read, so that ``shutdown`` can send what is owed."""
        with self._lock:
            for known in [known for known in self._feeds if known.over]:
                self._feeds.discard(known)
            self._feeds.add(feed)

    def flush(self, *, cancel: bool) -> None:
        """Send what the maps under way still owe, or cut them off."""
        with self._lock:
            feeds = list(self._feeds)
            self._feeds.clear()
        for feed in feeds:
            if cancel:
                feed.cut()
            else:
                feed.flush()

    def shutdown(self, *, wait: bool, cancel_futures: bool) -> None:
        """See ``Executor.shutdown``."""
        if self.forked:
            return
        try:
            if not self.closed:
                self.flush(cancel=cancel_futures)
            self.closed = True
            self.pool.shutdown(wait=wait, cancel_pending=cancel_futures)
        except KeyboardInterrupt:
            # The user does not want to wait any longer (E12).
            self.stop(force=True)
            raise
        self._end(wait=wait)

    def stop(self, *, force: bool) -> None:
        """See ``Executor.terminate_workers`` and ``kill_workers``."""
        if self.forked:
            return
        self.closed = True
        self.flush(cancel=True)
        self.pool.stop(force=force)
        self._end(wait=True)

    def _end(self, *, wait: bool) -> None:
        if not wait:
            if self._finalizer.detach() is not None:
                _close_in_background(self.pool, self._box)
            return
        self._finalizer.detach()
        _sessions.discard(self)
        if self._box.context is not None:
            self._box.context.close()


# --- garbage collection and the interpreter's exit ---------------------------------------------------------------

# Weak: an executor that nobody holds ends on its own.
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()
_closers: set[threading.Thread] = set()
_exiting = False


def _close_in_background(pool: WorkerPool, box: _ContextBox) -> None:
    """Let the pool finish what it has, then end the primitives. Called by the collector too, so it must not wait."""
    pool.shutdown(wait=False, cancel_pending=False)
    if box.context is None:
        return  # the pool's own thread does the rest

    def finish() -> None:
        try:
            pool.shutdown(wait=True, cancel_pending=False)
            if box.context is not None:
                box.context.close()
        finally:
            _closers.discard(threading.current_thread())

    # The primitives' names must stay until the last task has attached to them.
    closer = threading.Thread(target=finish, name="anypool-closer", daemon=True)
    _closers.add(closer)
    closer.start()


def at_exit() -> None:
    """Do at exit what the standard library does: finish what was submitted. After a Ctrl-C: end it at once (E12)."""
    global _exiting
    sessions = list(_sessions)
    interrupted = ended_by_interrupt()
    try:
        if not interrupted:
            for session in sessions:
                session.flush(cancel=False)
            _exiting = True
            for session in sessions:
                session.shutdown(wait=True, cancel_futures=False)
            for closer in list(_closers):
                closer.join()
    except BaseException:
        interrupted = True
        raise
    finally:
        _exiting = True
        if interrupted:
            for session in sessions:
                session.stop(force=True)


def ended_by_interrupt() -> bool:
    """Tell whether the main thread's last uncaught exception was a KeyboardInterrupt; a prompt's does not count."""
    if hasattr(sys, "ps1"):
        return False
    last = getattr(sys, "last_type", None)
    return isinstance(last, type) and issubclass(last, KeyboardInterrupt)


def _after_fork() -> None:
    """Make the parent's executors inert in a forked child: it has their objects but not their threads (E11)."""
    for session in list(_sessions):
        session.forked = True
        session._finalizer.detach()
    _sessions.clear()
    _closers.clear()


# The hook that concurrent.futures itself uses: atexit's own hooks run only after non-daemon threads were joined.
threading._register_atexit(at_exit)  # type: ignore[attr-defined]
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
